//! From what was found to a list of damages, each with what depends on it and what to do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::Examination;
use super::report::{Damage, DamageKind, Dependent};
use crate::digest::Digest;
use crate::history::{BlobId, CommitId};
use crate::ops::Session;
use crate::snapshot::path::escape;
use crate::store::Store;
use crate::store::catalog::LayerIndex;
use crate::store::verify::LayerCheck;

const REPAIR: &str =
    "`envgit verify --repair` brings back what the live files, pins, other layers and remotes still have";

/// All damages, those of the layers first.
pub(super) fn assemble(session: &Session<'_>, found: &Examination, strays: &[PathBuf]) -> Vec<Damage> {
    let view = View {
        session,
        found,
        commits: commits_of_lists(found),
    };
    let mut damages = view.layers();
    damages.extend(strays.iter().filter_map(|path| stray(path)));
    damages.extend(view.objects());
    damages
}

/// The commits in which each file list that names a lost content stands.
pub(super) fn commits_of_lists(found: &Examination) -> BTreeMap<[u8; 20], BTreeSet<CommitId>> {
    let lists = found.lost.values().flat_map(|lost| &lost.lists);
    let mut bad: BTreeSet<[u8; 20]> = lists.map(|id| *id.as_bytes()).collect();
    bad.extend(found.bad_texts.keys().map(|id| *id.as_bytes()));
    bad.extend(found.survey.flaws.iter().filter_map(|flaw| flaw.id));
    found.survey.dependents(&bad)
}

/// A layer that is damaged, or not there, with what it is known to have held.
pub(super) type Suspect<'a> = (Option<&'a LayerCheck>, Digest, Option<BTreeSet<Digest>>);

/// The layers that are not as the history has it.
pub(super) fn suspects<'a>(session: &Session<'_>, found: &'a Examination) -> Vec<Suspect<'a>> {
    let cache = session.repo.dir().join("cache");
    let known = |layer: &Digest| Store::cached_index(&cache, layer);
    // A layer is not there when another one's file has its name, and there when its file has another's.
    let present = found.checks.iter().map(|check| match &check.actual {
        Some(actual) if check.is_misnamed() => actual,
        _ => &check.name,
    });
    let present: BTreeSet<&Digest> = present.collect();
    let missing = found.written.keys().filter(|layer| !present.contains(layer));
    let damaged = found.checks.iter().filter(|check| !check.is_sound()).map(|check| {
        let index = check.index.clone().or_else(|| known(&check.name));
        (Some(check), check.name, index.map(|index| contents(&index)))
    });
    let missing = missing.map(|layer| (None, *layer, known(layer).map(|index| contents(&index))));
    damaged.chain(missing).collect()
}

struct View<'a> {
    session: &'a Session<'a>,
    found: &'a Examination,
    commits: BTreeMap<[u8; 20], BTreeSet<CommitId>>,
}

impl View<'_> {
    /// Layers that are damaged or not there, and contents that no known layer ever held.
    fn layers(&self) -> Vec<Damage> {
        let suspects = suspects(self.session, self.found);
        // A lost content belongs to the layer that is known to have held it; else to every layer of which nobody knows
        // what it held, and which was written by a commit that needs it.
        let mut lost: BTreeMap<Digest, BTreeSet<Digest>> = BTreeMap::new();
        let mut nowhere: BTreeSet<Digest> = BTreeSet::new();
        for (digest, of) in &self.found.lost {
            let needed_by: BTreeSet<&CommitId> = of.lists.iter().flat_map(|list| self.commits_with(list)).collect();
            let may_hold = |layer: &Digest| match self.found.written.get(layer) {
                Some(commits) => commits.iter().any(|commit| needed_by.contains(commit)),
                None => true,
            };
            let holders = |sure: bool| {
                suspects.iter().filter(move |(_, _, held)| match held {
                    Some(held) => sure && held.contains(digest),
                    None => !sure,
                })
            };
            let sure: Vec<Digest> = holders(true).map(|(_, layer, _)| *layer).collect();
            let of = match sure.is_empty() {
                false => sure,
                true => holders(false)
                    .map(|(_, layer, _)| *layer)
                    .filter(|layer| may_hold(layer))
                    .collect(),
            };
            if of.is_empty() {
                nowhere.insert(*digest);
            }
            for layer in of {
                lost.entry(layer).or_default().insert(*digest);
            }
        }
        let none = BTreeSet::new();
        let mut damages = Vec::new();
        for (check, layer, _) in &suspects {
            let lost = lost.get(layer).unwrap_or(&none);
            match check {
                Some(check) => damages.push(self.damaged_layer(check, lost)),
                None if lost.is_empty() => {}
                None => damages.push(self.missing_layer(layer, lost)),
            }
        }
        damages.extend(nowhere.iter().map(|digest| self.nowhere(digest)));
        damages
    }

    fn damaged_layer(&self, check: &LayerCheck, lost: &BTreeSet<Digest>) -> Damage {
        const NAMED: usize = 5;
        let mut what: Vec<String> = check.flaws.iter().take(NAMED).map(|flaw| flaw.what.clone()).collect();
        if check.flaws.len() > NAMED {
            what.push(format!("and {} more", check.flaws.len() - NAMED));
        }
        let file = format!("layers/{}.tar.zst", check.name);
        let remedy = match lost.is_empty() {
            true if check.is_misnamed() => {
                "nothing that is in it is lost; `envgit verify --repair` gives it its right name".to_owned()
            }
            true => "nothing is lost; `envgit verify --repair` puts a sound layer in its place".to_owned(),
            false => format!("{REPAIR}; what then is still lost only a backup of {file} brings back"),
        };
        self.of_contents(DamageKind::Layer, file, what, lost, remedy)
    }

    fn missing_layer(&self, layer: &Digest, lost: &BTreeSet<Digest>) -> Damage {
        let file = format!("layers/{layer}.tar.zst");
        let other = self.found.checks.iter().find(|check| check.name == *layer);
        let what = match other.and_then(|check| check.actual) {
            Some(actual) => format!("it is not there: the file of that name is layer {}", actual.short()),
            None => "it is not there".to_owned(),
        };
        let what = vec![what];
        let remedy = format!("bring it back from a backup; {REPAIR}");
        self.of_contents(DamageKind::MissingLayer, file, what, lost, remedy)
    }

    fn nowhere(&self, digest: &Digest) -> Damage {
        let what = vec!["an inventory names it, and no layer that is known holds it".to_owned()];
        let remedy = format!("{REPAIR}; commits that do not name it are whole");
        let lost = BTreeSet::from([*digest]);
        self.of_contents(DamageKind::Content, format!("content {digest}"), what, &lost, remedy)
    }

    fn of_contents(
        &self,
        kind: DamageKind,
        object: String,
        what: Vec<String>,
        lost: &BTreeSet<Digest>,
        remedy: String,
    ) -> Damage {
        let lost: Vec<_> = lost.iter().filter_map(|digest| self.found.lost.get(digest)).collect();
        let mut paths: Vec<String> = lost
            .iter()
            .map(|lost| format!("{}:{}", lost.place.0, lost.place.1))
            .collect();
        paths.sort_unstable();
        paths.truncate(Damage::NAMED);
        let lists = lost.iter().flat_map(|lost| &lost.lists);
        Damage {
            kind,
            object,
            what,
            needed_by: self.dependents(lists.flat_map(|list| self.commits_with(list)).copied()),
            paths,
            lost: lost.len() as u64,
            remedy,
        }
    }

    fn commits_with(&self, text: &BlobId) -> impl Iterator<Item = &CommitId> {
        self.commits.get(text.as_bytes()).into_iter().flatten()
    }

    /// Objects, refs and logs of the history.
    fn objects(&self) -> Vec<Damage> {
        let mut damages = Vec::new();
        for flaw in &self.found.survey.flaws {
            let (kind, remedy) = match flaw.kind {
                "ref" if flaw.name == "HEAD" => (
                    DamageKind::Ref,
                    "put it on a branch that is there: `git -C .envgit/history symbolic-ref HEAD refs/heads/BRANCH`"
                        .to_owned(),
                ),
                "ref" => (
                    DamageKind::Ref,
                    format!(
                        "see where it was in `git -C .envgit/history reflog show {0}`; point it there with `git -C \
                         .envgit/history update-ref {0} COMMIT`, or remove it with `update-ref -d {0}`",
                        flaw.name
                    ),
                ),
                "reflog" => (
                    DamageKind::Reflog,
                    format!(
                        "remove the line that makes no sense from .envgit/history/logs/{}",
                        flaw.name
                    ),
                ),
                _ => (DamageKind::Object, object_remedy()),
            };
            let of_object = flaw.id.and_then(|id| self.commits.get(&id)).into_iter().flatten();
            let needed_by = self.dependents(of_object.chain(&flaw.followers).copied());
            let mut what = vec![flaw.what.clone()];
            if !flaw.names.is_empty() {
                let names: Vec<&str> = flaw.names.iter().map(String::as_str).collect();
                what.push(format!("{} leads to it", names.join(", ")));
            }
            let object = match kind {
                DamageKind::Object => format!("{} {}", flaw.kind, flaw.name),
                _ => flaw.name.clone(),
            };
            damages.push(Damage {
                kind,
                object,
                what,
                needed_by,
                paths: Vec::new(),
                lost: 0,
                remedy,
            });
        }
        for (id, (text, what)) in &self.found.bad_texts {
            // A blob that is not what its id says is an object; one that is and makes no sense is an inventory.
            let is_readable = self.session.repo.history().blob(*id).is_ok();
            let path = escape(&text.path);
            let (kind, object, remedy) = match is_readable {
                true => (
                    DamageKind::Inventory,
                    format!("{path} (blob {id})"),
                    "check out another commit: what wrote this one was no envgit, or a newer one".to_owned(),
                ),
                false => (DamageKind::Object, format!("blob {id} ({path})"), object_remedy()),
            };
            damages.push(Damage {
                kind,
                object,
                what: vec![what.clone()],
                needed_by: self.dependents(self.commits_with(id).copied()),
                paths: Vec::new(),
                lost: 0,
                remedy,
            });
        }
        damages
    }

    fn dependents(&self, commits: impl Iterator<Item = CommitId>) -> Vec<Dependent> {
        let history = self.session.repo.history();
        let mut found: Vec<(i64, Dependent)> = Vec::new();
        for commit in commits.collect::<BTreeSet<_>>() {
            let needed = self.found.survey.commits.get(&commit);
            let time = history.commit_info(commit).map_or(0, |info| info.time.seconds);
            let dependent = Dependent {
                commit,
                short: history.short(commit),
                subject: needed.map(|needed| needed.subject.clone()).unwrap_or_default(),
                names: needed.map(|needed| needed.names.clone()).unwrap_or_default(),
            };
            found.push((time, dependent));
        }
        found.sort_by(|(a, x), (b, y)| (b, x.commit).cmp(&(a, y.commit)));
        found.into_iter().map(|(_, dependent)| dependent).collect()
    }
}

fn object_remedy() -> String {
    "`envgit verify --repair` writes it anew if the live state tells what it was; else bring .envgit/history back from \
     a backup"
        .to_owned()
}

fn contents(index: &LayerIndex) -> BTreeSet<Digest> {
    let wholes = index.wholes.iter().map(|whole| whole.digest);
    wholes.chain(index.recipes.iter().map(|recipe| recipe.digest)).collect()
}

/// A file among the layers that has no layer's name.
fn stray(path: &std::path::Path) -> Option<Damage> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    let is_layer = name.ends_with(".tar.zst");
    is_layer.then(|| Damage {
        kind: DamageKind::Layer,
        object: format!("layers/{name}"),
        what: vec!["its name is no digest, so nobody finds it".to_owned()],
        needed_by: Vec::new(),
        paths: Vec::new(),
        lost: 0,
        remedy: "`envgit verify --repair` gives it its name if it is a sound layer".to_owned(),
    })
}
