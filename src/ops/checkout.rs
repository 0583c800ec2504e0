use super::*;
/// What to bring back.
#[derive(Clone, Debug, Default)]
pub struct CheckoutOptions {
    /// The revision.
    pub rev: String,
    /// Makes this branch there and puts HEAD on it.
    pub branch: Option<String>,
    /// Only these paths: `PATH` relative to the current folder's root, `ROOT:PATH`, or absolute.
    pub paths: Vec<String>,
    /// Only these roots.
    pub roots: Vec<String>,
    /// Do not record the live state first; overwrite what no commit holds.
    pub discard: bool,
    /// Only plan.
    pub dry_run: bool,
    /// The folder against which relative paths count.
    pub cwd: std::path::PathBuf,
}
/// Decides on the plan before anything is changed.
pub type Confirm<'a> = dyn FnMut(&report::PlanReport) -> bool + 'a;
/// Checkout.
pub fn checkout(
    _s: &mut Session<'_>,
    _o: &CheckoutOptions,
    _confirm: &mut Confirm<'_>,
) -> Result<report::CheckoutReport, Error> {
    todo!()
}
