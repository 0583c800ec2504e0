//! `env --json`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::FORMAT;
use super::diff::SideJson;
use crate::ops::env::EnvReport;
use crate::snapshot::path::escape;

/// The variables of a state.
#[derive(Serialize)]
pub(in crate::cli) struct EnvJson<'a> {
    format: u32,
    state: SideJson<'a>,
    set: BTreeMap<String, String>,
    unset: Vec<String>,
    secret: Vec<String>,
}

impl<'a> EnvJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(report: &'a EnvReport) -> Self {
        let names = |list: &[Vec<u8>]| list.iter().map(|name| escape(name)).collect();
        let set = report.set.iter();
        Self {
            format: FORMAT,
            state: SideJson::of(&report.side),
            set: set.map(|(name, value)| (escape(name), escape(value))).collect(),
            unset: names(&report.unset),
            secret: names(&report.secret),
        }
    }
}
