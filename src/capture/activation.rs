//! What activating an environment puts into a shell: which environment that is, and where its programs lie.
//!
//! Whether one is active, and by which tool, is a matter of one terminal. It is left out of what is recorded, so that a
//! state looks the same from every terminal.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// What is active in a shell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activation {
    /// The folders that it puts into `PATH`.
    folders: Vec<PathBuf>,
}

impl Activation {
    /// That of a shell with these variables, in which environments that stand at `envs` may also have been put into `PATH`
    /// by hand.
    pub fn of<'a>(env: &'a [(OsString, OsString)], envs: impl IntoIterator<Item = &'a Path>) -> Self {
        let names_one = |name: &[u8]| {
            let is_deeper = |rest: &[u8]| rest.is_empty() || rest.starts_with(b"_");
            name == b"VIRTUAL_ENV" || name.strip_prefix(b"CONDA_PREFIX").is_some_and(is_deeper)
        };
        let active = env.iter().filter(|(name, _)| names_one(name.as_bytes()));
        let active = active
            .map(|(_, value)| Path::new(value))
            .filter(|path| path.is_absolute());
        Self {
            folders: active.chain(envs).map(|path| path.join("bin")).collect(),
        }
    }

    /// Whether an entry of `PATH` was put there by it; `condabin` is where conda's own command lies.
    fn made(&self, entry: &[u8]) -> bool {
        let path = Path::new(std::ffi::OsStr::from_bytes(entry));
        path.ends_with("condabin") || self.folders.iter().any(|folder| folder == path)
    }

    /// A value of `PATH` without its entries.
    pub fn without(&self, path: &[u8]) -> Vec<u8> {
        let entries: Vec<&[u8]> = path.split(|byte| *byte == b':').collect();
        let rest: Vec<&[u8]> = entries.into_iter().filter(|entry| !self.made(entry)).collect();
        rest.join(&b':')
    }

    /// A value of `PATH` that has none of its entries, behind those that `shell` has.
    pub fn put_before(&self, path: &[u8], shell: &[u8]) -> Vec<u8> {
        let made = shell.split(|byte| *byte == b':').filter(|entry| self.made(entry));
        // No entry at all is not an empty one, which is the current directory.
        let rest = (!path.is_empty()).then_some(path);
        made.chain(rest).collect::<Vec<_>>().join(&b':')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(vars: &[(&str, &str)]) -> Activation {
        let vars: Vec<_> = vars.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Activation::of(&vars, [Path::new("/srv/root")])
    }

    #[test]
    fn every_terminal_has_the_same_path() {
        let plain = of(&[]);
        let conda = of(&[("CONDA_PREFIX", "/opt/conda/envs/a"), ("CONDA_PREFIX_1", "/opt/conda")]);
        let venv = of(&[("VIRTUAL_ENV", "/srv/v/"), ("CONDA_PREFIXES", "/usr")]);
        for (activation, path, rest) in [
            (&plain, "/usr/bin:/bin", "/usr/bin:/bin"),
            (&plain, "/srv/root/bin:/usr/bin:/srv/root/lib", "/usr/bin:/srv/root/lib"),
            (
                &conda,
                "/opt/conda/envs/a/bin:/opt/conda/condabin:/opt/conda/bin/:/usr/bin",
                "/usr/bin",
            ),
            (&venv, "/srv/v/bin:/usr/bin:/srv/v/bin2:", "/usr/bin:/srv/v/bin2:"),
            (&venv, "", ""),
        ] {
            let found = activation.without(path.as_bytes());
            assert_eq!(String::from_utf8_lossy(&found), rest, "{path}");
        }
        let put = venv.put_before(b"/a:/b", b"/srv/v/bin:/usr/bin");
        assert_eq!(put, b"/srv/v/bin:/a:/b");
        assert_eq!(venv.put_before(b"", b"/srv/v/bin:/usr/bin"), b"/srv/v/bin");
    }
}
