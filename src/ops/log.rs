use super::*;
/// Which commits to list.
#[derive(Clone, Debug, Default)]
pub struct LogOptions {
    /// Start from these; from every branch, tag and HEAD when empty.
    pub revs: Vec<String>,
    /// Also start from autosaves.
    pub autosaves: bool,
    /// At most this many.
    pub max: Option<usize>,
    /// Only commits not older than this (seconds since 1970).
    pub since: Option<i64>,
    /// Only commits that changed this package.
    pub package: Option<String>,
    /// Only commits that changed these paths.
    pub paths: Vec<String>,
    /// The folder against which relative paths count.
    pub cwd: std::path::PathBuf,
}
/// The log, newest first.
pub fn log(_s: &mut Session<'_>, _o: &LogOptions) -> Result<report::LogReport, Error> {
    todo!()
}
/// One commit in full.
pub fn show(_s: &mut Session<'_>, _rev: &str) -> Result<report::ShowReport, Error> {
    todo!()
}
