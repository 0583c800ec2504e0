use super::*;
/// Adds a root to the repository (takes effect with the next commit).
pub fn add(
    _s: &mut Session<'_>,
    _root: &crate::snapshot::root::Root,
    _registry: Option<&crate::registry::Registry>,
) -> Result<(), Error> {
    todo!()
}
/// Removes a root from the repository; its files and its history stay.
pub fn remove(_s: &mut Session<'_>, _name: &str, _registry: Option<&crate::registry::Registry>) -> Result<(), Error> {
    todo!()
}
