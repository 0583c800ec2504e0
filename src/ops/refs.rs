use super::*;
/// All branches, sorted.
pub fn branches(_s: &mut Session<'_>) -> Result<Vec<report::RefEntry>, Error> {
    todo!()
}
/// Makes a branch at `rev` (HEAD when absent); `force` moves an existing one.
pub fn create_branch(
    _s: &mut Session<'_>,
    _name: &str,
    _rev: Option<&str>,
    _force: bool,
) -> Result<report::RefEntry, Error> {
    todo!()
}
/// Removes a branch; unless forced only when its commits are reachable from elsewhere.
pub fn delete_branch(_s: &mut Session<'_>, _name: &str, _force: bool) -> Result<report::RefEntry, Error> {
    todo!()
}
/// Renames a branch.
pub fn rename_branch(_s: &mut Session<'_>, _old: &str, _new: &str) -> Result<report::RefEntry, Error> {
    todo!()
}
/// All tags, sorted.
pub fn tags(_s: &mut Session<'_>) -> Result<Vec<report::RefEntry>, Error> {
    todo!()
}
/// Makes a tag at `rev` (HEAD when absent), annotated when there is a message; `force` moves an existing one.
pub fn create_tag(
    _s: &mut Session<'_>,
    _name: &str,
    _rev: Option<&str>,
    _message: Option<&str>,
    _force: bool,
) -> Result<report::RefEntry, Error> {
    todo!()
}
/// Removes a tag.
pub fn delete_tag(_s: &mut Session<'_>, _name: &str) -> Result<report::RefEntry, Error> {
    todo!()
}
