//! `envgit pins` and `envgit doctor`.

use std::fmt::Write;

use super::{counted, size};
use crate::ops::doctor::DoctorReport;
use crate::ops::pins::{PinsReport, RootPins};

/// The pins, in sum for those that are live; each with `-v`.
pub(in crate::cli) fn pins(report: &PinsReport, verbose: bool) -> String {
    let mut out = String::new();
    if let Some(evicted) = report.evicted {
        let (pins, bytes) = (counted(evicted.pins, "pin"), size(evicted.bytes));
        let _ = writeln!(out, "Removed {pins} that kept {bytes}");
    }
    let mut total = 0;
    for root in &report.roots {
        total += one(root, verbose, &mut out);
    }
    let _ = writeln!(out, "In all {} of {}", size(total), size(report.max_size));
    out
}

fn one(root: &RootPins, verbose: bool, out: &mut String) -> u64 {
    let method = match &root.method {
        Ok(method) => format!("by {method}"),
        Err(why) => format!("none: {why}"),
    };
    let _ = writeln!(out, "{}  {method}", root.root);
    let live: Vec<_> = root.pins.iter().filter(|(pin, _)| pin.is_live).collect();
    if !live.is_empty() {
        let files = live.iter().map(|(pin, _)| pin.files).sum();
        let units = counted(live.len() as u64, "unit");
        let _ = writeln!(out, "  live: {units}, {}", counted(files, "file"));
    }
    for (pin, referenced) in &root.pins {
        if pin.is_live && !verbose {
            continue;
        }
        let state = match (pin.is_live, referenced) {
            (true, _) => "live",
            (false, true) => "in a commit",
            (false, false) => "in no commit",
        };
        let id = pin.id.get(..8).unwrap_or(&pin.id);
        let files = counted(pin.files, "file");
        let _ = writeln!(
            out,
            "  {}  {id}  {files}, {} of its own, {state}",
            pin.unit,
            size(pin.own_bytes)
        );
    }
    root.pins.iter().map(|(pin, _)| pin.own_bytes).sum()
}

/// What was looked at, and what would help.
pub(in crate::cli) fn doctor(report: &DoctorReport) -> String {
    let mut out = String::new();
    for check in &report.checks {
        let mark = if check.is_fine { "ok" } else { "!!" };
        let _ = writeln!(out, "{mark}  {}: {}", check.subject, check.found);
        if let Some(remedy) = &check.remedy {
            let _ = writeln!(out, "    {remedy}");
        }
    }
    out
}
