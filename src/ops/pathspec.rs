//! Which roots and paths an operation is limited to.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use globset::{Glob, GlobMatcher};

use super::error::Error;
use crate::fsx::plain;
use crate::snapshot::path::{RelPath, unescape};
use crate::snapshot::root::{Root, RootName};

/// A limit to some roots and paths. The default is no limit.
#[derive(Default)]
pub(super) struct Selection {
    /// Only these roots; all when empty.
    roots: BTreeSet<RootName>,
    /// Only these paths; all when empty.
    paths: BTreeMap<RootName, Vec<Named>>,
    /// And these paths, each by itself; with neither, all.
    exact: BTreeMap<RootName, BTreeSet<RelPath>>,
}

/// What a user typed, and what it means.
struct Named {
    given: String,
    spec: Spec,
}

enum Spec {
    Whole,
    Beneath(Vec<u8>),
    /// As in git: what has these characters for its name, or what they stand for as a pattern, `*` for slashes too.
    Glob {
        beneath: Vec<u8>,
        glob: GlobMatcher,
    },
}

impl Selection {
    /// Reads what a user typed. A path is absolute, relative to the folder `cwd`, or `ROOT:PATH`.
    ///
    /// # Errors
    /// A root that is not declared; a path in no root.
    pub(super) fn new(declared: &[Root], roots: &[String], paths: &[String], cwd: &Path) -> Result<Self, Error> {
        let mut selection = Self::default();
        for name in roots {
            let root = declared.iter().find(|root| root.name.as_str() == name);
            let root = root.ok_or_else(|| no_such_root(declared, name))?;
            selection.roots.insert(root.name.clone());
        }
        for path in paths {
            selection.add(declared, path, cwd)?;
        }
        Ok(selection)
    }

    /// Adds what one path stands for: what it names in the root that holds it, and whole roots where these lie within.
    fn add(&mut self, declared: &[Root], given: &str, cwd: &Path) -> Result<(), Error> {
        if given.starts_with(':') {
            return Err(Error::refused(
                format!("{given:?} begins with git's sign for a special pattern, and there are none here"),
                format!("a file of that name is ./{given}"),
            ));
        }
        if let Some((root, rest)) = in_named_root(declared, given) {
            self.name(root, given, spec(&rest, given)?);
            return Ok(());
        }
        let place = plain(&cwd.join(given));
        let within = |root: &&Root| root.path.starts_with(&place);
        let (holder, rest) = match locate(declared, given, &place) {
            Err(error) if !declared.iter().any(|root| within(&root)) => return Err(error),
            Err(_) => {
                let roots = declared.iter().filter(within);
                roots.for_each(|root| self.name(root.name.clone(), given, Spec::Whole));
                return Ok(());
            }
            Ok(located) => located,
        };
        let spec = spec(&rest, given)?;
        let top = declared.iter().find(|root| root.name == holder).map(|root| &root.path);
        for root in declared.iter().filter(|root| root.name != holder) {
            let beneath = top.and_then(|top| root.path.strip_prefix(top).ok());
            let beneath = beneath.and_then(|path| RelPath::new(path.as_os_str().as_bytes()).ok());
            if beneath.is_some_and(|path| spec.has(&path)) {
                self.name(root.name.clone(), given, Spec::Whole);
            }
        }
        self.name(holder, given, spec);
        Ok(())
    }

    fn name(&mut self, root: RootName, given: &str, spec: Spec) {
        let given = given.to_owned();
        self.paths.entry(root).or_default().push(Named { given, spec });
    }

    /// The same with some paths that are selected by themselves.
    pub(super) fn with_exact(mut self, exact: &BTreeMap<RootName, BTreeSet<RelPath>>) -> Self {
        self.exact = exact.clone();
        self
    }

    /// Nothing is left out.
    pub(super) fn is_everything(&self) -> bool {
        self.roots.is_empty() && !self.has_limit()
    }

    fn has_limit(&self) -> bool {
        !self.paths.is_empty() || !self.exact.is_empty()
    }

    /// Nothing of this root is left out.
    pub(super) fn is_everything_in(&self, root: &RootName) -> bool {
        self.has_root(root) && !self.has_limit()
    }

    /// Whether anything of this root is selected.
    pub(super) fn has_root(&self, root: &RootName) -> bool {
        let is_named = self.paths.contains_key(root) || self.exact.contains_key(root);
        (self.roots.is_empty() || self.roots.contains(root)) && (!self.has_limit() || is_named)
    }

    /// Whether a path is selected.
    pub(super) fn has_path(&self, root: &RootName, path: &RelPath) -> bool {
        if !self.has_limit() {
            return self.has_root(root);
        }
        if self.exact.get(root).is_some_and(|paths| paths.contains(path)) {
            return self.has_root(root);
        }
        let specs = self.paths.get(root).into_iter().flatten();
        self.has_root(root) && specs.into_iter().any(|named| named.spec.has(path))
    }

    /// Whether paths of this root were given.
    pub(super) fn has_paths_in(&self, root: &RootName) -> bool {
        self.paths.contains_key(root)
    }

    /// A path that was given and is none of these of its root, which are all of `rev` and of the live state, is a mistake.
    ///
    /// # Errors
    /// [`Error::NoSuchPath`] names the first.
    pub(super) fn refuse_unmatched<'p>(
        &self,
        root: &RootName,
        paths: impl Iterator<Item = &'p RelPath> + Clone,
        rev: &str,
    ) -> Result<(), Error> {
        let mut specs = self.paths.get(root).into_iter().flatten();
        let is_unmatched = |named: &&Named| !paths.clone().any(|path| named.spec.has(path));
        match specs.find(is_unmatched) {
            None => Ok(()),
            Some(named) => Err(Error::NoSuchPath {
                path: named.given.clone(),
                state: format!("{rev} or the live state"),
            }),
        }
    }
}

impl Spec {
    fn has(&self, path: &RelPath) -> bool {
        match self {
            Self::Whole => true,
            Self::Beneath(dir) => path.is_within(dir),
            Self::Glob { beneath, glob } => {
                let matches = |path: &[u8]| glob.is_match(OsStr::from_bytes(path));
                path.is_within(beneath) || matches(path.as_bytes()) || path.ancestors().any(matches)
            }
        }
    }
}

/// An [`Error::NoSuchRoot`].
pub(super) fn no_such_root(declared: &[Root], name: &str) -> Error {
    Error::NoSuchRoot {
        name: name.to_owned(),
        known: declared.iter().map(|root| root.name.to_string()).collect(),
    }
}

/// The one place that a path names: a path of a root, or the whole root. No character of it is a pattern.
///
/// # Errors
/// A path in no root.
pub(super) fn place(declared: &[Root], given: &str, cwd: &Path) -> Result<(RootName, Option<RelPath>), Error> {
    let (root, rest) = match in_named_root(declared, given) {
        Some(located) => located,
        None => locate(declared, given, &plain(&cwd.join(given)))?,
    };
    match literal(&rest, given)? {
        Spec::Beneath(path) => Ok((root, RelPath::new(path).ok())),
        _ => Ok((root, None)),
    }
}

/// The root that holds a place, and the path in it, escaped. `given` is what the user typed.
fn locate(declared: &[Root], given: &str, place: &Path) -> Result<(RootName, String), Error> {
    let mut absolute = place.to_owned();
    let mut top: fn(&Root) -> PathBuf = |root| root.path.clone();
    let mut holder = holder_of(declared, &absolute, top);
    if holder.is_none()
        && let (Some(Ok(above)), Some(name)) = (absolute.parent().map(Path::canonicalize), absolute.file_name())
    {
        // The same folders by other names.
        absolute = above.join(name);
        top = |root| root.path.canonicalize().unwrap_or_else(|_| root.path.clone());
        holder = holder_of(declared, &absolute, top);
    }
    let Some(root) = holder else {
        return Err(Error::refused(
            format!("{given:?} is in no root of this repository"),
            "name a path in a root, or ROOT:PATH; `envgit root list` shows the roots",
        ));
    };
    let rest = absolute.strip_prefix(top(root)).unwrap_or(Path::new(""));
    let rest = crate::snapshot::path::escape(rest.as_os_str().as_encoded_bytes());
    Ok((root.name.clone(), rest))
}

/// `ROOT:PATH`.
fn in_named_root(declared: &[Root], given: &str) -> Option<(RootName, String)> {
    let (name, rest) = given.split_once(':')?;
    let root = declared.iter().find(|root| root.name.as_str() == name)?;
    Some((root.name.clone(), rest.to_owned()))
}

/// The innermost root that holds a path.
fn holder_of<'r>(declared: &'r [Root], path: &Path, top: fn(&Root) -> PathBuf) -> Option<&'r Root> {
    let holders = declared.iter().filter(|root| path.starts_with(top(root)));
    holders.max_by_key(|root| root.path.as_os_str().len())
}

fn spec(rest: &str, given: &str) -> Result<Spec, Error> {
    let plain = rest.trim_matches('/');
    if !plain.contains(['*', '?', '[']) {
        return literal(rest, given);
    }
    Ok(match (literal(rest, given)?, Glob::new(plain)) {
        (Spec::Beneath(beneath), Ok(glob)) => Spec::Glob {
            beneath,
            glob: glob.compile_matcher(),
        },
        // A lone [ stands for itself.
        (literal, _) => literal,
    })
}

fn literal(rest: &str, given: &str) -> Result<Spec, Error> {
    let rest = rest.trim_matches('/');
    if rest.is_empty() || rest == "." {
        return Ok(Spec::Whole);
    }
    let bytes = unescape(rest.as_bytes()).unwrap_or_else(|| rest.as_bytes().to_vec());
    let path = RelPath::new(bytes).map_err(|e| no_path(given, &e.to_string()))?;
    Ok(Spec::Beneath(path.as_bytes().to_vec()))
}

fn no_path(given: &str, why: &str) -> Error {
    Error::refused(format!("{given:?} is no path: {why}"), "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::root::{Kind, Policy};

    fn roots() -> Vec<Root> {
        let root = |name: &str, path: &str| Root {
            name: name.parse().unwrap(),
            path: path.into(),
            kind: Kind::Project,
            policy: Policy::Tracked,
            base: None,
        };
        vec![root("glm", "/p"), root("env", "/p/.venv")]
    }

    fn has(spec: &str, cwd: &str, root: &str, path: &str) -> bool {
        let selection = Selection::new(&roots(), &[], &[spec.to_owned()], Path::new(cwd)).unwrap();
        selection.has_path(&root.parse().unwrap(), &RelPath::new(path).unwrap())
    }

    #[test]
    fn paths_are_found_in_the_innermost_root() {
        assert!(has("configs", "/p", "glm", "configs/a.json"));
        assert!(!has("configs", "/p", "glm", "configs2/a.json"));
        assert!(has("../configs/a.json", "/p/src", "glm", "configs/a.json"));
        assert!(has("/p/.venv/lib", "/elsewhere", "env", "lib/x"));
        assert!(!has("/p/.venv/lib", "/elsewhere", "glm", "lib/x"));
        assert!(has("env:lib", "/elsewhere", "env", "lib/x"));
        assert!(has("env:", "/elsewhere", "env", "bin/x"));
        assert!(has(".", "/p", "glm", "anything"));
        assert!(has("configs/*.jsonl", "/p", "glm", "configs/a.jsonl"));
        assert!(!has("configs/*.jsonl", "/p", "glm", "configs/a.json"));
    }

    #[test]
    fn patterns_are_those_of_git() {
        assert!(has("*.py", "/p", "glm", "src/deep/a.py"));
        assert!(!has("*.py", "/p", "glm", "src/deep/a.pyc"));
        assert!(!has("*.py", "/p/src", "glm", "a.py"), "relative to the current folder");
        assert!(has(
            "env:lib/*/numpy",
            "/p",
            "env",
            "lib/python3.11/site-packages/numpy/core/a.so"
        ));
        assert!(!has(
            "env:lib/*/numpy",
            "/p",
            "env",
            "lib/python3.11/site-packages/numpy-1.24.4.dist-info"
        ));
        assert!(has("data/part[1].csv", "/p", "glm", "data/part1.csv"));
        assert!(
            has("data/part[1].csv", "/p", "glm", "data/part[1].csv"),
            "a name of these characters"
        );
        assert!(has("data/part[1", "/p", "glm", "data/part[1/x"), "no pattern at all");
    }

    #[test]
    fn roots_within_a_folder_are_in_it() {
        assert!(has(".", "/p", "env", "lib/x"));
        assert!(has("..", "/p/.venv", "env", "lib/x"));
        assert!(has("*", "/p", "env", "lib/x"));
        assert!(has("*v", "/p", "env", "lib/x"));
        assert!(
            has("/", "/q", "env", "lib/x") && has("/", "/q", "glm", "x"),
            "above all of them"
        );
        assert!(!has("configs", "/p", "env", "lib/x"));
        assert!(!has("glm:", "/p", "env", "lib/x"), "only that root");
    }

    #[test]
    fn signs_of_git_that_mean_nothing_here_are_refused() {
        for given in [":!configs", ":(exclude)configs", ":/", ":^x"] {
            let refused = Selection::new(&roots(), &[], &[given.to_owned()], Path::new("/p"));
            assert!(
                refused.err().unwrap().to_string().contains("special pattern"),
                "{given}"
            );
        }
        assert!(has("./:x", "/p", "glm", ":x"));
    }

    #[test]
    fn a_place_is_no_pattern() {
        let place = |given: &str| {
            let (root, path) = place(&roots(), given, Path::new("/p")).unwrap();
            (root.to_string(), path.map(|path| path.to_string()))
        };
        let whole = |root: &str| (root.to_owned(), None);
        assert_eq!(place("a[1]*.py"), ("glm".to_owned(), Some("a[1]*.py".to_owned())));
        assert_eq!(place("env:lib/x/"), ("env".to_owned(), Some("lib/x".to_owned())));
        assert_eq!(
            [place("."), place("env:"), place(".venv")],
            [whole("glm"), whole("env"), whole("env")]
        );
    }

    #[test]
    fn what_is_in_no_root_is_refused() {
        let error = |spec: &str| {
            Selection::new(&roots(), &[], &[spec.to_owned()], Path::new("/q"))
                .err()
                .unwrap()
        };
        assert!(error("configs").to_string().contains("in no root"));
        let error = Selection::new(&roots(), &["nope".to_owned()], &[], Path::new("/q"))
            .err()
            .unwrap();
        assert_eq!(error.to_string(), "there is no root \"nope\"; the roots are glm, env");
    }
}
