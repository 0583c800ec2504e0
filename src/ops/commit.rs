use super::*;
/// How to commit.
#[derive(Clone, Debug, Default)]
pub struct CommitOptions {
    /// The message; written from the changes when absent.
    pub message: Option<String>,
    /// Tags for the new commit.
    pub tags: Vec<String>,
    /// Starts this branch for it.
    pub branch: Option<String>,
    /// Commit even if nothing changed.
    pub allow_empty: bool,
    /// Leave out files that cannot be read.
    pub skip_unreadable: bool,
}
/// Commit.
pub fn commit(_s: &mut Session<'_>, _o: &CommitOptions) -> Result<report::CommitReport, Error> {
    todo!()
}
