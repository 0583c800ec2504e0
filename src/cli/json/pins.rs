//! `envgit pins --json` and `envgit doctor --json`.

use serde::Serialize;

use crate::ops::doctor::DoctorReport;
use crate::ops::pins::PinsReport;

#[derive(Serialize)]
pub(in crate::cli) struct PinsJson<'a> {
    format: u32,
    max_size: u64,
    evicted: Option<EvictedJson>,
    roots: Vec<RootJson<'a>>,
}

#[derive(Serialize)]
struct EvictedJson {
    pins: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct RootJson<'a> {
    root: &'a str,
    method: Option<&'a str>,
    unavailable: Option<&'a str>,
    pins: Vec<PinJson<'a>>,
}

#[derive(Serialize)]
struct PinJson<'a> {
    unit: &'a str,
    id: &'a str,
    live: bool,
    referenced: bool,
    files: u64,
    bytes: u64,
    own_bytes: u64,
}

impl<'a> PinsJson<'a> {
    pub(in crate::cli) fn of(report: &'a PinsReport) -> Self {
        let roots = report.roots.iter().map(|root| RootJson {
            root: root.root.as_str(),
            method: root.method.as_ref().ok().copied(),
            unavailable: root.method.as_ref().err().map(String::as_str),
            pins: root
                .pins
                .iter()
                .map(|(pin, referenced)| PinJson {
                    unit: &pin.unit,
                    id: &pin.id,
                    live: pin.is_live,
                    referenced: *referenced,
                    files: pin.files,
                    bytes: pin.bytes,
                    own_bytes: pin.own_bytes,
                })
                .collect(),
        });
        Self {
            format: super::FORMAT,
            max_size: report.max_size,
            evicted: report.evicted.map(|evicted| EvictedJson {
                pins: evicted.pins,
                bytes: evicted.bytes,
            }),
            roots: roots.collect(),
        }
    }
}

#[derive(Serialize)]
pub(in crate::cli) struct DoctorJson<'a> {
    format: u32,
    checks: Vec<CheckJson<'a>>,
}

#[derive(Serialize)]
struct CheckJson<'a> {
    subject: &'a str,
    fine: bool,
    found: &'a str,
    remedy: Option<&'a str>,
}

impl<'a> DoctorJson<'a> {
    pub(in crate::cli) fn of(report: &'a DoctorReport) -> Self {
        let checks = report.checks.iter().map(|check| CheckJson {
            subject: &check.subject,
            fine: check.is_fine,
            found: &check.found,
            remedy: check.remedy.as_deref(),
        });
        Self {
            format: super::FORMAT,
            checks: checks.collect(),
        }
    }
}
