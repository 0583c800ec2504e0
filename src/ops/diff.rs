use super::*;
/// What to compare.
#[derive(Clone, Debug, Default)]
pub struct DiffOptions {
    /// The older side; HEAD when absent.
    pub from: Option<String>,
    /// The newer side; the live state when absent.
    pub to: Option<String>,
    /// Only these roots.
    pub roots: Vec<String>,
    /// Only these paths (files and configs; packages are then left out).
    pub paths: Vec<String>,
    /// The folder against which relative paths count.
    pub cwd: std::path::PathBuf,
}
/// Diff.
pub fn diff(_s: &mut Session<'_>, _o: &DiffOptions) -> Result<report::DiffReport, Error> {
    todo!()
}
/// HEAD against the live state.
pub fn status(_s: &mut Session<'_>) -> Result<report::DiffReport, Error> {
    todo!()
}
