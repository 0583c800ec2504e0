//! The commented file that a new repository starts with.

use std::fmt::Write;
use std::path::Path;

use toml_edit::DocumentMut;

use super::read::{root_key, section_of};
use super::settings::{self, SETTINGS};
use super::{Config, Error, check_apart};
use crate::snapshot::root::Root;

const HEADER: &str = "\
# Settings of this envgit repository. `envgit config` lists what is in effect; `envgit config KEY VALUE` changes one.

# What is under version control: one section [roots.NAME] for each directory.
#   path    where it stands; relative paths count from the folder that holds .envgit
#   kind    conda, venv, project or cache
#   policy  exact: checkout also removes files that the commit lacks
#           tracked: files that were never recorded are left alone
#   base    of a virtual environment: the folder of the interpreter that it is based on, where that is another one
#           here than where the environment was recorded
";

pub(super) fn initial(project: &Path, roots: &[Root]) -> Result<String, Error> {
    let mut text = HEADER.to_owned();
    for (index, root) in roots.iter().enumerate() {
        check_apart(root, &roots[..index])?;
        let mut section = DocumentMut::new();
        *section.as_table_mut() = section_of(root, project)?;
        // Writing to a string does not fail.
        let _ = write!(text, "\n[{}]\n{section}", root_key(root.name.as_str()));
    }
    let defaults = Config::default();
    for section in settings::sections() {
        let _ = write!(text, "\n[{section}]\n");
        for setting in SETTINGS {
            let Some(name) = setting
                .key
                .strip_prefix(section)
                .and_then(|rest| rest.strip_prefix('.'))
            else {
                continue;
            };
            for line in setting.about {
                let _ = writeln!(text, "# {line}");
            }
            let default = (setting.get)(&defaults).map(|value| value.to_string());
            let shown = setting.example.map(str::to_owned).or(default).unwrap_or_default();
            let _ = writeln!(text, "# {name} = {}", shown.trim());
        }
    }
    Ok(text)
}
