use super::*;
/// What to make.
#[derive(Clone, Debug)]
pub struct InitOptions {
    /// The project folder: absolute.
    pub project: std::path::PathBuf,
    /// The roots, all absolute.
    pub roots: Vec<crate::snapshot::root::Root>,
    /// Where the user's repositories are noted, so that they are found from everywhere.
    pub registry: Option<crate::registry::Registry>,
}
/// Makes a repository.
pub fn init(_o: &InitOptions) -> Result<report::InitReport, Error> {
    todo!()
}
