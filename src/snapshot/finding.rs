//! What is wrong in one state. A comparison of two states tells which problems came and which went.

use serde::{Deserialize, Serialize};

use super::package::{Manager, Package};
use super::path::RelPath;

/// How much a problem matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something does not work: an import fails, a GPU build is gone, a library cannot be loaded.
    Critical,
    /// A promise is broken: a requirement does not hold, files of a package are another's or gone.
    Error,
    /// Odd, and perhaps harmless.
    Warning,
    /// Worth knowing.
    Note,
}

/// A package as findings name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PackageRef {
    /// Whose record it is.
    pub manager: Manager,
    /// Its normalized name.
    pub name: String,
    /// Its version as recorded.
    pub version: String,
}

impl From<&Package> for PackageRef {
    fn from(package: &Package) -> Self {
        Self {
            manager: package.manager,
            name: package.name.clone(),
            version: package.version.clone(),
        }
    }
}

impl std::fmt::Display for PackageRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}'s {}", self.manager, self.name)?;
        if !self.version.is_empty() {
            write!(f, " {}", self.version)?;
        }
        Ok(())
    }
}

/// One problem of a state, with its evidence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// The package it is about, if it is about one.
    pub package: Option<PackageRef>,
    /// What it is.
    #[serde(flatten)]
    pub problem: Problem,
}

/// Files of a kind: how many, of how many, and the first few by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Paths {
    /// How many.
    pub count: u64,
    /// Of how many; the same number where that says nothing.
    pub of: u64,
    /// The first in order, at most three.
    pub examples: Vec<RelPath>,
}

/// How many files are named as examples.
const EXAMPLES: usize = 3;

impl Paths {
    /// Some files of `of`.
    pub fn new(paths: &[RelPath], of: u64) -> Self {
        Self {
            count: paths.len() as u64,
            of,
            examples: paths.iter().take(EXAMPLES).cloned().collect(),
        }
    }
}

/// A record of a project, and how many of the files it promises are there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RecordFact {
    /// Whose record it is.
    pub manager: Manager,
    /// The version it names.
    pub version: String,
    /// The record.
    pub record: RelPath,
    /// Files that the record promises.
    pub promised: u64,
    /// Those that are there as promised.
    pub intact: u64,
    /// Those with the bytes of another record.
    pub replaced: u64,
    /// Those that are not there.
    pub missing: u64,
}

/// What a problem is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Problem {
    /// A requirement of the package does not hold.
    Requirement {
        /// As its record words it.
        requirement: String,
        /// The name of the package that is required.
        needs: String,
        /// What is there instead; nothing if no such package is.
        found: Option<PackageRef>,
    },
    /// The package does not work with the interpreter of this root (`Requires-Python`, wheel tags).
    Python {
        /// As its record words it.
        requirement: String,
        /// The interpreter's version.
        found: String,
    },
    /// A requirement that cannot be read.
    Unparsable {
        /// As its record words it.
        requirement: String,
        /// Why not.
        why: String,
    },
    /// Several records of one project, of which `import` gets one.
    Records {
        /// All of them, that which `import` gets first.
        records: Vec<RecordFact>,
        /// The version whose files are there, if one clearly is.
        imports: Option<String>,
    },
    /// Another package's bytes stand in place of files of this one.
    Overwritten {
        /// The other package.
        by: PackageRef,
        /// The files.
        files: Paths,
    },
    /// Files that two packages promise, with bytes that suit both.
    Shared {
        /// The other package.
        with: PackageRef,
        /// The files.
        files: Paths,
    },
    /// Files with bytes that no record promised.
    Altered {
        /// The files.
        files: Paths,
    },
    /// Files that a record promises and that are not there.
    Missing {
        /// The files.
        files: Paths,
    },
    /// What an interrupted uninstall left behind (`~umpy`).
    Leftover {
        /// The record or folder.
        path: RelPath,
    },
    /// Files among Python packages that no record names.
    Orphans {
        /// The folder or file, directly in the folder of packages.
        path: RelPath,
        /// The files.
        files: Paths,
    },
    /// A record that cannot be read or says something odd.
    Record {
        /// The record.
        path: RelPath,
        /// What is wrong with it.
        what: String,
    },
    /// Extension modules built for NumPy 1.x while NumPy 2 is there.
    NumpyAbi {
        /// The NumPy that is there.
        numpy: String,
        /// The modules.
        modules: Paths,
    },
    /// `import` of a module reaches a module that cannot be imported.
    Import {
        /// The module that is imported: `sklearn`.
        module: String,
        /// From it to the module that fails: `sklearn/utils/fixes.py:19 imports pandas`.
        chain: Vec<String>,
        /// Why the last one fails.
        why: String,
    },
    /// Compiled code needs a newer system library than the recorded system has.
    System {
        /// What is needed: `GLIBC 2.38`.
        needs: String,
        /// What is there: `2.36`.
        has: String,
        /// The file that needs it.
        path: RelPath,
    },
    /// Compiled code needs a newer NVIDIA driver than the recorded system has.
    Driver {
        /// What needs it: `CUDA 13`.
        needs: String,
        /// The least driver version for it.
        driver: String,
        /// The recorded driver; nothing if there is none.
        has: Option<String>,
        /// The file that needs it.
        path: RelPath,
    },
    /// A library that is needed and is neither in the root nor usual on a system.
    Library {
        /// Its name.
        library: String,
        /// The file that needs it.
        path: RelPath,
    },
}

impl std::fmt::Display for Finding {
    /// What is wrong, without the package.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.problem.fmt(f)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Requirement {
                requirement,
                needs,
                found,
            } => match found {
                Some(found) => write!(f, "requires {requirement}, but {found} is there"),
                None => write!(f, "requires {requirement}, but no {needs} is there"),
            },
            Self::Python { requirement, found } => write!(f, "is for Python {requirement}, and Python here is {found}"),
            Self::Unparsable { requirement, why } => write!(f, "its requirement {requirement:?} cannot be read: {why}"),
            Self::Records { records, imports } => {
                write!(f, "{} records: ", records.len())?;
                for (at, record) in records.iter().enumerate() {
                    let comma = if at > 0 { ", " } else { "" };
                    write!(f, "{comma}{record}")?;
                }
                match imports {
                    Some(version) => write!(f, "; import gets {version}"),
                    None if records.iter().all(|record| record.promised == 0) => {
                        f.write_str("; which of them import gets is not recorded")
                    }
                    None => f.write_str("; import gets a mixture"),
                }
            }
            Self::Overwritten { by, files } => {
                let verb = if files.count == 1 { "is that" } else { "are those" };
                write!(f, "{} {verb} of {by} {}", files.share(), files.named())
            }
            Self::Shared { with, files } => write!(
                f,
                "{} {} also promised by {with}, with the same bytes {}",
                files.share(),
                files.is(),
                files.named()
            ),
            Self::Altered { files } => write!(f, "{} {} altered {}", files.share(), files.is(), files.named()),
            Self::Missing { files } => write!(f, "{} {} missing {}", files.share(), files.is(), files.named()),
            Self::Leftover { path } => write!(f, "half removed: {path}"),
            Self::Orphans { path, files } => write!(
                f,
                "{} that no record names in {path} {}",
                counted(files.count, "file"),
                files.named()
            ),
            Self::Record { path, what } => write!(f, "{what} ({path})"),
            Self::NumpyAbi { numpy, modules } => write!(
                f,
                "{} built for NumPy 1.x, and NumPy here is {numpy} {}",
                counted(modules.count, "module"),
                modules.named()
            ),
            Self::Import { module, chain, why } => {
                write!(f, "`import {module}` fails: ")?;
                for step in telling(chain) {
                    write!(f, "{step} → ")?;
                }
                f.write_str(why)
            }
            Self::System { needs, has, path } => write!(f, "needs {needs}, and this system has {has} ({path})"),
            Self::Driver {
                needs,
                driver,
                has,
                path,
            } => match has {
                Some(has) => write!(
                    f,
                    "{needs} needs an NVIDIA driver from {driver} on, and here is {has} ({path})"
                ),
                None => write!(
                    f,
                    "{needs} needs an NVIDIA driver from {driver} on, and none is here ({path})"
                ),
            },
            Self::Library { library, path } => write!(f, "needs {library}, which is not here ({path})"),
        }
    }
}

/// The steps that lead from one package to another, and the last one: those between say little.
fn telling(chain: &[String]) -> impl Iterator<Item = &String> {
    let crosses = |step: &str| {
        let (place, module) = step.split_once(" imports ")?;
        let top = |text: &str, end: char| text.split(end).next().unwrap_or_default().to_owned();
        let from = top(place, '/');
        Some(from.split('.').next()? != top(module, '.'))
    };
    let last = chain.len().saturating_sub(1);
    let told = chain.iter().enumerate();
    told.filter(move |(at, step)| *at == last || crosses(step).unwrap_or(true))
        .map(|(_, step)| step)
}

impl std::fmt::Display for RecordFact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}'s {}", self.manager, self.version)?;
        if self.promised == 0 {
            return Ok(());
        }
        write!(f, " has ")?;
        write!(f, "{} of {}", thousands(self.intact), thousands(self.promised))?;
        if self.intact == self.promised {
            return f.write_str(" files intact");
        }
        let broken = [(self.replaced, "overwritten"), (self.missing, "gone")];
        let told: Vec<String> = broken
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{} {word}", thousands(*count)))
            .collect();
        write!(f, " ({})", told.join(", "))
    }
}

impl Paths {
    /// `3 of 731 files`.
    fn share(&self) -> String {
        let files = if self.of == 1 { "file" } else { "files" };
        format!("{} of {} {files}", thousands(self.count), thousands(self.of))
    }

    fn is(&self) -> &'static str {
        if self.count == 1 { "is" } else { "are" }
    }

    /// `(a, b, c, …)`.
    fn named(&self) -> String {
        /// How many are enough in a sentence.
        const NAMED: usize = 2;
        let names: Vec<String> = self.examples.iter().take(NAMED).map(ToString::to_string).collect();
        let more = if self.count > names.len() as u64 { ", …" } else { "" };
        format!("({}{more})", names.join(", "))
    }
}

fn counted(count: u64, noun: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{} {noun}{s}", thousands(count))
}

/// A number with separators: `13,021`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_way_the_steps_between_packages_are_told() {
        let chain = [
            "sklearn/__init__.py:70 imports sklearn.base",
            "sklearn/utils/fixes.py:19 imports pandas",
            "pandas/__init__.py:22 imports pandas.compat",
            "pandas/_libs/__init__.py:13 imports pandas._libs.interval",
        ];
        let problem = Problem::Import {
            module: "sklearn".to_owned(),
            chain: chain.map(str::to_owned).to_vec(),
            why: "x.so was built for NumPy 1.x".to_owned(),
        };
        assert_eq!(
            problem.to_string(),
            "`import sklearn` fails: sklearn/utils/fixes.py:19 imports pandas → pandas/_libs/__init__.py:13 imports \
             pandas._libs.interval → x.so was built for NumPy 1.x"
        );
    }
}
