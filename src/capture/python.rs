//! Which Python a root holds, read from its records: the interpreter is never asked.

use crate::snapshot::package::{Manager, Package};

/// The version of the interpreter: that of conda's `python` package, or else what `pyvenv.cfg` says
/// ([PEP 405](https://peps.python.org/pep-0405/): `version` by venv, `version_info` by virtualenv and uv).
pub fn version(packages: &[Package], pyvenv: Option<&[u8]>) -> Option<String> {
    let conda = packages
        .iter()
        .find(|package| package.manager == Manager::Conda && package.name == "python");
    match conda {
        Some(python) if !python.version.is_empty() => Some(python.version.clone()),
        _ => pyvenv.and_then(of_pyvenv),
    }
}

/// The folder of the interpreter on which a virtual environment is based: `home` in `pyvenv.cfg`.
pub fn base(pyvenv: &[u8]) -> Option<Vec<u8>> {
    let base = value(pyvenv, "home")?;
    let base = base.strip_suffix(b"/").unwrap_or(base);
    (base.len() > 1 && base.starts_with(b"/")).then(|| base.to_vec())
}

/// The value of a key in `pyvenv.cfg`.
fn value<'a>(bytes: &'a [u8], wanted: &str) -> Option<&'a [u8]> {
    let mut lines = bytes.split(|byte| *byte == b'\n').map(|line| {
        let equals = memchr::memchr(b'=', line).unwrap_or(line.len());
        (
            line[..equals].trim_ascii(),
            line.get(equals + 1..).unwrap_or_default().trim_ascii(),
        )
    });
    lines
        .find(|(key, _)| key.eq_ignore_ascii_case(wanted.as_bytes()))
        .map(|(_, value)| value)
}

fn of_pyvenv(bytes: &[u8]) -> Option<String> {
    let version = value(bytes, "version").or_else(|| value(bytes, "version_info"))?;
    let version = std::str::from_utf8(version).ok()?;
    // virtualenv writes sys.version_info: 3.11.2.final.0
    let numbers = version.find(".final").map_or(version, |end| &version[..end]);
    numbers
        .starts_with(|c: char| c.is_ascii_digit())
        .then(|| numbers.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::path::RelPath;

    #[test]
    fn the_version_comes_from_conda_then_from_pyvenv_cfg() {
        let cfg = b"home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.7\n";
        assert_eq!(version(&[], Some(cfg)).as_deref(), Some("3.11.7"));
        let record = RelPath::new("conda-meta/python-3.12.1-0.json").unwrap();
        let mut python = Package::new(Manager::Conda, "python", "3.12.1", record);
        assert_eq!(
            version(std::slice::from_ref(&python), Some(cfg)).as_deref(),
            Some("3.12.1")
        );
        python.manager = Manager::Pip;
        assert_eq!(version(&[python], None), None);
    }

    #[test]
    fn the_base_is_an_absolute_folder() {
        assert_eq!(base(b"home = /usr/bin\n").as_deref(), Some(&b"/usr/bin"[..]));
        assert_eq!(
            base(b"version = 3\r\nHome=/opt/py/bin/\r\n").as_deref(),
            Some(&b"/opt/py/bin"[..])
        );
        for bad in ["home = bin\n", "home = /\n", "home\n", ""] {
            assert_eq!(base(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn every_maker_of_environments_spells_it_differently() {
        for (cfg, expected) in [
            ("version_info = 3.11.2.final.0\nversion = 3.11.2\n", Some("3.11.2")),
            ("version_info = 3.11.2.final.0\r\n", Some("3.11.2")),
            ("uv = 0.4\nversion_info = 3.12.3\n", Some("3.12.3")),
            ("VERSION=3.9\n", Some("3.9")),
            ("version =\n", None),
            ("version = unknown\n", None),
            ("", None),
        ] {
            assert_eq!(version(&[], Some(cfg.as_bytes())).as_deref(), expected, "{cfg}");
        }
    }
}
