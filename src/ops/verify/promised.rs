//! What a clone of the history alone left with its remote. It is not lost, as it never was here.

use std::collections::BTreeSet;

use super::Examination;
use super::damages::{commits_of_lists, suspects};
use super::report::Promised;
use crate::digest::Digest;
use crate::history::CommitId;
use crate::ops::Session;

/// Takes from what no layer gives that which a remote was seen to have: contents of commits that came from there, unless
/// a layer is known that held them here. Contents that only commits of this repository need stay lost.
pub(super) fn set_aside(session: &Session<'_>, found: &mut Examination) {
    let remotes = session.repo.config().remotes.values();
    let mut remotes: Vec<_> = remotes.filter(|remote| remote.history_only).collect();
    remotes.sort_by_key(|remote| remote.place);
    let Some(first) = remotes.first().filter(|_| !found.lost.is_empty()) else {
        return;
    };
    let theirs = remotes.iter().map(|remote| format!("refs/remotes/{}/", remote.name));
    let theirs: Vec<String> = theirs.collect();
    let is_followed = |name: &str| theirs.iter().any(|prefix| name.starts_with(prefix));
    let followed = found.survey.reached_from(is_followed);
    let tagged = found.survey.reached_from(|name| name.starts_with("refs/tags/"));
    let here = found
        .survey
        .reached_from(|name| !is_followed(name) && !name.starts_with("refs/tags/"));
    // A tag that came may lead to a commit that is on no branch over there.
    let came = |commit: &CommitId| followed.contains(commit) || (tagged.contains(commit) && !here.contains(commit));
    let commits = commits_of_lists(found);
    let held = suspects(session, found).into_iter().filter_map(|(_, _, held)| held);
    let held: BTreeSet<Digest> = held.flatten().collect();
    let mut files = 0;
    found.lost.retain(|digest, lost| {
        let mut needed_by = lost
            .lists
            .iter()
            .flat_map(|list| commits.get(list.as_bytes()).into_iter().flatten());
        let is_lost = held.contains(digest) || !needed_by.any(came);
        files += if is_lost { 0 } else { lost.files };
        is_lost
    });
    let remote = first.name.clone();
    found.report.promised = (files > 0).then_some(Promised { remote, files });
}
