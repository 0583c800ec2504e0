//! What some commits lead to and others do not: what one history lacks of another.

use std::collections::HashSet;

use gix::objs::Kind;

use super::History;
use super::error::Error;
use super::id::{BlobId, CommitId, ObjectId, TreeId};
use super::refname::RefName;
use super::refs::Ref;
use super::refs::{MAX_TAGS, parse_tag};
use super::tree::{self, EntryKind, entries};
use crate::snapshot::path::escape;

/// Objects that some commits lead to and others do not.
#[derive(Clone, Debug, Default)]
pub struct Beyond {
    /// The commits, those before others first.
    pub commits: Vec<CommitId>,
    /// All objects: annotations of tags, commits, trees and blobs, each once.
    pub objects: Vec<ObjectId>,
    /// The files of the inventories among them, each blob once, with the path at which it was first met.
    pub files: Vec<(Vec<u8>, BlobId)>,
}

/// Folders within folders, beyond which a tree is taken for hostile.
const MAX_DEPTH: usize = 2048;

struct Search<'a> {
    history: &'a History,
    /// Trusts nobody: names, kinds and the presence of every blob are looked at.
    is_strict: bool,
    seen: HashSet<[u8; 20]>,
    found: Beyond,
}

impl History {
    /// All that `wants` (commits, or annotations of tags) lead to and `haves` do not. What stands only in an older
    /// commit of `haves` may be among it.
    ///
    /// # Errors
    /// Names an object that is missing or damaged.
    pub fn beyond(&self, wants: &[ObjectId], haves: &[ObjectId]) -> Result<Beyond, Error> {
        Search::new(self, false).run(wants, haves)
    }

    /// The same of objects that somebody else sent: also looks whether every object is there, of the kind that it must
    /// be, and whether git and envgit can take the names in trees.
    ///
    /// # Errors
    /// [`Error::Refused`] or [`Error::Missing`] name the object.
    pub fn examine(&self, wants: &[ObjectId], haves: &[ObjectId]) -> Result<Beyond, Error> {
        Search::new(self, true).run(wants, haves)
    }

    /// Whether an object is there.
    pub fn has_object(&self, id: ObjectId) -> bool {
        self.has(id.oid())
    }

    /// The commit that an object is, or that an annotation is for; nothing when it leads to none.
    ///
    /// # Errors
    /// Names what is missing or damaged.
    pub fn commit_of(&self, id: ObjectId) -> Result<Option<CommitId>, Error> {
        Ok(self.peel(id.oid())?.map(|(commit, _)| commit))
    }

    /// A ref of this name as it would be at an object; nothing if that leads to no commit.
    ///
    /// # Errors
    /// An object that is missing or damaged.
    pub fn ref_to(&self, name: RefName, id: ObjectId) -> Result<Option<Ref>, Error> {
        Ok(self.peel(id.oid())?.map(|(commit, annotation)| Ref {
            name,
            object: CommitId::from_bytes(*id.as_bytes()),
            commit,
            annotation,
        }))
    }
}

impl<'a> Search<'a> {
    fn new(history: &'a History, is_strict: bool) -> Self {
        Self {
            history,
            is_strict,
            seen: HashSet::new(),
            found: Beyond::default(),
        }
    }

    fn run(mut self, wants: &[ObjectId], haves: &[ObjectId]) -> Result<Beyond, Error> {
        let known = self.all_before(haves)?;
        let mut sorted = wants.to_vec();
        sorted.sort_unstable();
        let mut starts = Vec::new();
        for want in sorted {
            starts.push(self.peel(want)?);
        }
        let mut new = Vec::new();
        let mut edge = HashSet::new();
        let mut met = HashSet::new();
        let mut todo = starts;
        while let Some(id) = todo.pop() {
            if known.contains(&id) {
                edge.insert(id);
            } else if met.insert(id) {
                let info = self.history.commit_info(id)?;
                todo.extend(&info.parents);
                new.push(info);
            }
        }
        // What stands in the commits next to the new ones need not be told again.
        for id in edge {
            let tree = self.history.commit_info(id)?.tree;
            self.skip(tree)?;
        }
        let order = before_others(&new);
        new.sort_by_key(|info| order.get(&info.id).copied());
        for info in new {
            self.found.commits.push(info.id);
            self.found.objects.push(info.id.into());
            self.tree(info.tree)?;
        }
        Ok(self.found)
    }

    fn all_before(&self, haves: &[ObjectId]) -> Result<HashSet<CommitId>, Error> {
        let mut known = HashSet::new();
        let mut todo = Vec::new();
        for have in haves {
            todo.extend(self.history.commit_of(*have)?);
        }
        while let Some(id) = todo.pop() {
            if known.insert(id) {
                todo.extend(self.history.commit_info(id)?.parents);
            }
        }
        Ok(known)
    }

    /// The commit behind annotations, which are found too.
    fn peel(&mut self, want: ObjectId) -> Result<CommitId, Error> {
        let mut id = want.oid();
        for _ in 0..MAX_TAGS {
            let (kind, data) = self
                .history
                .try_read_object(id)?
                .ok_or_else(|| missing("object", &id))?;
            match kind {
                Kind::Commit => return CommitId::from_oid(&id).ok_or_else(|| missing("commit", &id)),
                Kind::Tag => {
                    if let Some(tag) = ObjectId::from_oid(&id).filter(|tag| self.seen.insert(*tag.as_bytes())) {
                        self.found.objects.push(tag);
                    }
                    let (target, _) = parse_tag(&data)
                        .ok_or_else(|| Error::damaged(format!("tag {id}"), "its header makes no sense"))?;
                    id = target;
                }
                Kind::Tree | Kind::Blob => return Err(refused(want, "it is neither a commit nor a tag of one")),
            }
        }
        Err(refused(want, "tags are nested too deeply"))
    }

    /// Takes all that a tree leads to for known.
    fn skip(&mut self, tree: TreeId) -> Result<(), Error> {
        let mut todo = vec![tree];
        while let Some(tree) = todo.pop() {
            if !self.seen.insert(*tree.as_bytes()) {
                continue;
            }
            let data = self.history.read_object(tree.oid(), Kind::Tree)?;
            for entry in entries(&data) {
                let entry = entry.ok_or_else(|| cut(tree))?;
                match entry.kind {
                    EntryKind::Tree => todo.push(TreeId::from_bytes(entry.id)),
                    EntryKind::Blob | EntryKind::Commit => {
                        self.seen.insert(entry.id);
                    }
                }
            }
        }
        Ok(())
    }

    fn tree(&mut self, top: TreeId) -> Result<(), Error> {
        let mut todo = vec![(Vec::new(), top, 0)];
        while let Some((prefix, tree, depth)) = todo.pop() {
            if !self.seen.insert(*tree.as_bytes()) {
                continue;
            }
            if depth > MAX_DEPTH {
                return Err(Error::damaged(
                    format!("tree {tree}"),
                    "its folders are nested too deeply",
                ));
            }
            self.found.objects.push(ObjectId::from_bytes(*tree.as_bytes()));
            let data = self.history.read_object(tree.oid(), Kind::Tree)?;
            let mut names = HashSet::new();
            for entry in entries(&data) {
                let entry = entry.ok_or_else(|| cut(tree))?;
                let path = [&prefix[..], entry.name].concat();
                if self.is_strict {
                    tree::check(&path, entry.name)?;
                    if !names.insert(entry.name) {
                        return Err(refused(tree, &format!("it has {} twice", escape(entry.name))));
                    }
                }
                match entry.kind {
                    EntryKind::Tree => todo.push(([&path[..], b"/"].concat(), TreeId::from_bytes(entry.id), depth + 1)),
                    EntryKind::Blob => self.blob(path, BlobId::from_bytes(entry.id))?,
                    EntryKind::Commit if self.is_strict => {
                        return Err(refused(tree, &format!("{} is a submodule", escape(&path))));
                    }
                    EntryKind::Commit => {}
                }
            }
        }
        Ok(())
    }

    fn blob(&mut self, path: Vec<u8>, blob: BlobId) -> Result<(), Error> {
        if !self.seen.insert(*blob.as_bytes()) {
            return Ok(());
        }
        if self.is_strict {
            let header = self.history.repo.try_find_header(blob.oid());
            let header = header.map_err(|e| Error::read(format!("blob {blob}"), e))?;
            let kind = header.ok_or_else(|| missing("blob", &blob.oid()))?.kind();
            if kind != Kind::Blob {
                return Err(refused(
                    blob,
                    &format!("{} is a {kind} where a file must be", escape(&path)),
                ));
            }
        }
        self.found.objects.push(ObjectId::from_bytes(*blob.as_bytes()));
        self.found.files.push((path, blob));
        Ok(())
    }
}

/// The place of each commit in an order in which none comes before its parents.
fn before_others(commits: &[super::CommitInfo]) -> std::collections::HashMap<CommitId, usize> {
    use std::collections::{BTreeSet, HashMap};
    let ids: HashSet<CommitId> = commits.iter().map(|info| info.id).collect();
    let mut waits: HashMap<CommitId, usize> = HashMap::new();
    let mut followers: HashMap<CommitId, Vec<CommitId>> = HashMap::new();
    let mut ready = BTreeSet::new();
    for info in commits {
        let parents: BTreeSet<_> = info.parents.iter().filter(|parent| ids.contains(parent)).collect();
        if parents.is_empty() {
            ready.insert(info.id);
        }
        waits.insert(info.id, parents.len());
        for parent in parents {
            followers.entry(*parent).or_default().push(info.id);
        }
    }
    let mut order = HashMap::new();
    while let Some(id) = ready.pop_first() {
        order.insert(id, order.len());
        for follower in followers.remove(&id).unwrap_or_default() {
            if let Some(count) = waits.get_mut(&follower) {
                *count -= 1;
                if *count == 0 {
                    ready.insert(follower);
                }
            }
        }
    }
    order
}

fn missing(kind: &'static str, id: &gix::ObjectId) -> Error {
    Error::Missing {
        kind,
        id: id.to_string(),
    }
}

fn refused(id: impl std::fmt::Display, why: &str) -> Error {
    Error::Refused {
        what: format!("the object {id}"),
        why: why.to_owned(),
    }
}

fn cut(tree: TreeId) -> Error {
    Error::damaged(format!("tree {tree}"), "an entry is cut short")
}

#[cfg(test)]
mod tests {
    use super::super::objects::NewObject;
    use super::super::testing::{commit_files, history, note};
    use super::super::{Expected, RefName};
    use super::*;

    fn paths(beyond: &Beyond) -> Vec<String> {
        let mut paths: Vec<_> = beyond
            .files
            .iter()
            .map(|(path, _)| String::from_utf8_lossy(path).into_owned())
            .collect();
        paths.sort();
        paths
    }

    #[test]
    fn only_what_is_new_is_found() {
        let (_dir, history) = history();
        let a = commit_files(&history, &[("x/a", "1"), ("x/b", "2"), ("y/c", "3")], &[]);
        let b = commit_files(&history, &[("x/a", "1"), ("x/b", "two"), ("y/c", "3")], &[a]);
        let all = history.beyond(&[b.into()], &[]).unwrap();
        assert_eq!(all.commits, [a, b]);
        // 2 commits, 2 top trees, 2 x, 1 y, 4 files.
        assert_eq!(all.objects.len(), 11);
        let new = history.beyond(&[b.into()], &[a.into()]).unwrap();
        assert_eq!((new.commits.len(), new.objects.len()), (1, 4));
        assert_eq!(paths(&new), ["x/b"]);
        assert!(history.beyond(&[a.into()], &[b.into()]).unwrap().objects.is_empty());
    }

    #[test]
    fn annotations_are_found() {
        let (_dir, history) = history();
        let a = commit_files(&history, &[("a", "1")], &[]);
        history.annotate_tag("v1", a, Expected::Absent, &note("first")).unwrap();
        let tag = history.refs().unwrap().pop().unwrap();
        assert_eq!(tag.name, RefName::tag("v1").unwrap());
        let beyond = history.beyond(&[tag.object.into()], &[a.into()]).unwrap();
        assert_eq!(beyond.objects, [ObjectId::from(tag.object)]);
        assert_eq!(history.commit_of(tag.object.into()).unwrap(), Some(a));
    }

    fn tree(entries: &[(&str, &str, [u8; 20])]) -> NewObject {
        let mut data = Vec::new();
        for (mode, name, id) in entries {
            data.extend_from_slice(format!("{mode} {name}\0").as_bytes());
            data.extend_from_slice(id);
        }
        NewObject::new(Kind::Tree, data).unwrap()
    }

    fn commit_of(history: &History, top: &NewObject) -> CommitId {
        let text = format!(
            "tree {}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nx\n",
            TreeId::from_bytes(top.id)
        );
        let commit = NewObject::new(Kind::Commit, text.into_bytes()).unwrap();
        let id = CommitId::from_bytes(commit.id);
        history.write_objects(vec![commit]).unwrap();
        id
    }

    #[test]
    fn what_lies_is_refused() {
        let (_dir, history) = history();
        let blob = NewObject::new(Kind::Blob, b"x".to_vec()).unwrap();
        let blob_id = blob.id;
        let inner = tree(&[("100644", "a", blob_id)]);
        let inner_id = inner.id;
        history.write_objects(vec![blob, inner]).unwrap();
        let cases = [
            (tree(&[("100644", "..", blob_id)]), "cannot stand in a git tree"),
            (tree(&[("100644", "a/b", blob_id)]), "cannot stand in a git tree"),
            (tree(&[("40000", ".git", inner_id)]), "cannot stand in a git tree"),
            (tree(&[("100644", "a", [9; 20])]), "lacks blob"),
            (tree(&[("100644", "a", inner_id)]), "is a tree where a file must be"),
            (
                tree(&[("100644", "a", blob_id), ("100644", "a", blob_id)]),
                "it has a twice",
            ),
            (tree(&[("160000", "a", [9; 20])]), "is a submodule"),
            (tree(&[("40000", "a", [9; 20])]), "lacks tree"),
            (tree(&[("40000", "a", blob_id)]), "of another kind"),
        ];
        for (top, said) in cases {
            let commit = commit_of(&history, &top);
            history.write_objects(vec![top]).unwrap();
            let error = history.examine(&[commit.into()], &[]).unwrap_err();
            assert!(super::super::told(&error).contains(said), "{error}: {said}");
        }
        for (want, said) in [(blob_id, "neither a commit nor a tag"), ([9; 20], "lacks object")] {
            let error = history.examine(&[ObjectId::from_bytes(want)], &[]).unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
        }
    }
}
