use super::*;
/// Entries of a state: of `rev`, or of the live state when absent. `paths` as in checkout.
pub fn ls(
    _s: &mut Session<'_>,
    _rev: Option<&str>,
    _paths: &[String],
    _cwd: &std::path::Path,
) -> Result<report::LsReport, Error> {
    todo!()
}
/// The bytes of one file: `REV:PATH`, where PATH is `ROOT/PATH` (or `PATH` when it is in one root only). Symlinks give their target.
pub fn cat(_s: &mut Session<'_>, _spec: &str, _out: &mut dyn std::io::Write) -> Result<(), Error> {
    todo!()
}
/// Packages of a state: HEAD when `rev` is absent and there is a commit, else the live state; `live` forces the live state.
pub fn packages(_s: &mut Session<'_>, _rev: Option<&str>, _live: bool) -> Result<report::PackagesReport, Error> {
    todo!()
}
/// The layer stack of a commit.
pub fn layers(_s: &mut Session<'_>, _rev: Option<&str>) -> Result<report::LayersReport, Error> {
    todo!()
}
