//! Where roots stand in what is recorded, and how their content is brought from there to here and back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::Session;
use super::side::manifest_of;
use crate::capture;
use crate::config::Config;
use crate::history::CommitId;
use crate::relocate::{Pair, Paths, Placeholders, Relocation};
use crate::repo::Repo;
use crate::snapshot::path::unescape;
use crate::snapshot::root::{Kind, Root, RootName};
use crate::store::{Settings, Store};

/// The homes of roots, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Homes(BTreeMap<RootName, Home>);

/// What is recorded of one root.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Home {
    path: Vec<u8>,
    /// The folder of the interpreter on which a virtual environment is based.
    base: Option<Vec<u8>>,
}

impl Homes {
    /// The homes that commits name, those of the first before those of the others.
    pub(super) fn of(session: &Session<'_>, commits: impl IntoIterator<Item = CommitId>) -> Self {
        let mut homes = BTreeMap::new();
        for commit in commits {
            // What is damaged in a commit is told by whoever reads all of it.
            let manifest = manifest_of(session.repo.history(), commit);
            for (name, facts) in manifest.into_iter().flat_map(|manifest| manifest.roots) {
                let absolute = |text: &str| unescape(text.as_bytes()).filter(|path| path.starts_with(b"/"));
                if let Some(path) = absolute(&facts.home) {
                    let base = facts.base.as_deref().and_then(absolute);
                    homes.entry(name).or_insert(Home { path, base });
                }
            }
        }
        Self(homes)
    }

    /// Where a root stands at home and here: one that no commit knows is at home.
    pub(super) fn pair(&self, root: &Root) -> Pair {
        let here = root.path.as_os_str().as_encoded_bytes().to_vec();
        Pair {
            home: self.0.get(&root.name).map_or(&here, |home| &home.path).clone(),
            here,
        }
    }

    /// Where the interpreter of a virtual environment lies at home and here, if it is known to lie elsewhere.
    fn base(&self, root: &Root) -> Option<Pair> {
        let home = self.0.get(&root.name)?.base.clone()?;
        let here = root.base.as_ref()?.as_os_str().as_encoded_bytes().to_vec();
        Some(Pair { home, here })
    }

    /// The paths of all roots.
    pub(super) fn paths(&self, config: &Config) -> Paths {
        Paths::new(config.roots.iter().map(|root| self.pair(root)).collect())
    }

    /// The form in which the content of a root is recorded. `load` finds what installers promise of its files.
    pub(super) fn relocation(
        &self,
        config: &Config,
        root: &Root,
        load: impl Fn() -> Placeholders + Send + Sync + 'static,
    ) -> Relocation {
        let others = config.roots.iter().filter(|other| other.name != root.name);
        let mut pairs: Vec<Pair> = others.map(|other| self.pair(other)).collect();
        pairs.push(self.pair(root));
        let form = Relocation::new(Arc::new(Paths::new(pairs)), self.pair(root), load);
        match self.base(root) {
            Some(base) => form.based_on(base),
            None => form,
        }
    }

    /// As [`Homes::relocation`], for what is live.
    pub(super) fn of_live(&self, config: &Config, root: &Root, repo: Option<&Repo>) -> Relocation {
        let form = self.relocation(config, root, from_live(root));
        match repo {
            Some(repo) => form.knowing(in_layers(repo)),
            None => form,
        }
    }
}

fn from_live(root: &Root) -> impl Fn() -> Placeholders + Send + Sync + 'static {
    let folder: Option<PathBuf> = (root.kind == Kind::Conda).then(|| root.path.clone());
    move || {
        let read = |folder: &Path| capture::placeholders::read(folder);
        folder.as_deref().map(read).unwrap_or_default()
    }
}

/// Looks into the layers when first asked.
fn in_layers(repo: &Repo) -> impl Fn(&crate::digest::Digest) -> bool + Send + Sync + 'static {
    let (layers, cache) = (repo.layers_dir(), repo.dir().join("cache"));
    let store: OnceLock<Option<Store>> = OnceLock::new();
    move |digest| {
        let store = store.get_or_init(|| Store::open(&layers, &cache, Settings::default()).ok());
        store.as_ref().is_some_and(|store| store.catalog().contains(digest))
    }
}
