//! Why packages came, changed or went: what was asked for, and what that required in turn.
//!
//! Only what is recorded is told. A requirement is a cause where the package that has it came too, or has it newly, or
//! could not have done with the version before; conda's solver and pip's resolver follow no other.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};

use super::flavour::{self, Flavour, Shift};
use super::requirements::Installed;
use super::requirements::conda::Spec;
use super::requirements::installed::{Need, Verdict};
use crate::snapshot::change::PackageChange;
use crate::snapshot::explanation::{Cause, Command, PackageStory};
use crate::snapshot::finding::PackageRef;
use crate::snapshot::package::{Manager, Package};

/// Why each of the changes of one root happened, in their order; `commands` are those of conda between the two states.
pub fn causes(
    changes: &[PackageChange],
    before: &Installed<'_>,
    after: &Installed<'_>,
    commands: &[Command],
) -> Vec<PackageStory> {
    let teller = Teller::new(changes, before, after, commands);
    (0..changes.len()).map(|at| teller.story(at)).collect()
}

struct Teller<'a> {
    changes: &'a [PackageChange],
    before: &'a Installed<'a>,
    after: &'a Installed<'a>,
    commands: &'a [Command],
    /// For each command, the names that it asks for and those that it asks to remove.
    named: Vec<(HashSet<String>, HashSet<String>)>,
    /// Changes by what they changed.
    by_name: HashMap<(Manager, &'a str), Vec<usize>>,
    /// For each change, the requirements that made it necessary, the most telling first.
    edges: Vec<Vec<Edge<'a>>>,
}

/// A requirement of one changed package on another.
struct Edge<'a> {
    /// The change of the package that requires.
    by: usize,
    text: &'a str,
    decisive: bool,
}

/// How sure it is that a package was asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    /// In the step between the two states.
    Now(Option<String>),
    /// By a command that updates everything.
    WithAll(String),
    /// At some time.
    Once,
    No,
}

impl<'a> Teller<'a> {
    fn new(
        changes: &'a [PackageChange],
        before: &'a Installed<'a>,
        after: &'a Installed<'a>,
        commands: &'a [Command],
    ) -> Self {
        let names = |specs: &[String]| -> HashSet<String> {
            let specs = specs.iter().filter_map(|spec| Spec::parse(spec).ok());
            specs.map(|spec| spec.name().to_owned()).collect()
        };
        let mut by_name: HashMap<_, Vec<usize>> = HashMap::new();
        for (at, change) in changes.iter().enumerate() {
            by_name.entry((change.manager, &*change.name)).or_default().push(at);
        }
        let named = commands
            .iter()
            .map(|command| (names(&command.specs), names(&command.removes)));
        let mut teller = Self {
            changes,
            before,
            after,
            named: named.collect(),
            commands,
            by_name,
            edges: Vec::new(),
        };
        teller.edges = teller.find_edges();
        teller
    }

    fn story(&self, at: usize) -> PackageStory {
        let mut causes = match &self.changes[at].to {
            Some(_) => self.causes_of_arrival(at),
            None => self.causes_of_removal(at),
        };
        if causes.is_empty() {
            causes.push(Cause::Unexplained);
        }
        let shift = self.shift(at);
        let (critical, note) = match shift {
            Some(shift) if shift.critical => (Some(shift.text), None),
            Some(shift) => (None, Some(shift.text)),
            None => (None, None),
        };
        PackageStory {
            causes,
            critical,
            note,
            ..PackageStory::default()
        }
    }

    fn causes_of_arrival(&self, at: usize) -> Vec<Cause> {
        let asked = self.asked(at);
        let required = |decisive: bool| {
            let edges = self.edges[at].iter().filter(move |edge| edge.decisive == decisive);
            edges.filter_map(|edge| self.required(at, edge))
        };
        let mut causes = Vec::new();
        if let Asked::Now(by) = &asked {
            causes.push(Cause::Requested { by: by.clone() });
        }
        causes.extend(required(true));
        causes.extend(self.unfit(at));
        if let Asked::WithAll(command) = &asked {
            causes.push(Cause::Requested {
                by: Some(command.clone()),
            });
        }
        causes.extend(required(false));
        if causes.is_empty() && asked == Asked::Once {
            causes.push(Cause::Requested { by: None });
        }
        causes
    }

    fn causes_of_removal(&self, at: usize) -> Vec<Cause> {
        let change = &self.changes[at];
        let removes = |(command, (_, removed)): &(&Command, &(_, HashSet<String>))| {
            removed.contains(&change.name) || brings_back(command)
        };
        let mut commands = self.commands.iter().zip(&self.named).rev();
        if change.manager == Manager::Conda
            && let Some((command, _)) = commands.find(removes)
        {
            let by = Some(command.command.clone());
            return vec![Cause::Requested { by }];
        }
        if let Some(by) = self.after.effective(change.manager, &change.name) {
            return vec![Cause::Replaced { by: by.into() }];
        }
        let mut causes = self.unfit(at);
        let of = requirers(self.before, change);
        if !of.is_empty() && requirers(self.after, change).is_empty() {
            causes.push(Cause::Orphaned { of });
        }
        causes
    }

    /// Whether the user asked for a package.
    fn asked(&self, at: usize) -> Asked {
        let change = &self.changes[at];
        let requested = |side: &Option<Package>| side.as_ref().is_some_and(|package| package.requested);
        let (was, is) = (requested(&change.from), requested(&change.to));
        if change.manager == Manager::Pip {
            // pip writes each record anew, with the mark only if this very command asked for it.
            return if is { Asked::Now(None) } else { Asked::No };
        }
        let names = |(command, (named, _)): &(&Command, &(HashSet<String>, _))| {
            named.contains(&change.name) || brings_back(command)
        };
        let mut commands = self.commands.iter().zip(&self.named).rev();
        if let Some((command, _)) = commands.find(names) {
            return Asked::Now(Some(command.command.clone()));
        }
        let updated = change.from.is_some() && change.to.is_some();
        let all = |command: &&Command| updated && command.command.split(' ').any(|word| word == "--all");
        if let Some(command) = self.commands.iter().rev().find(all) {
            return Asked::WithAll(command.command.clone());
        }
        // conda keeps the mark from one version to the next.
        match (was, is) {
            (false, true) => Asked::Now(None),
            (true, true) if self.commands.is_empty() => Asked::Once,
            _ => Asked::No,
        }
    }

    fn find_edges(&self) -> Vec<Vec<Edge<'a>>> {
        let mut edges: Vec<Vec<Edge<'a>>> = self.changes.iter().map(|_| Vec::new()).collect();
        for (by, change) in self.changes.iter().enumerate() {
            let record = change.to.as_ref().and_then(|package| self.after.member(package));
            let Some(member) = record.filter(|member| member.counts) else {
                continue;
            };
            for need in member.needs.iter().filter(|need| !need.optional) {
                let required = self.by_name.get(&(change.manager, need.name()));
                let came = |at: &&usize| **at != by && self.changes[**at].to.is_some();
                let mut required = required.into_iter().flatten().filter(came).peekable();
                if required.peek().is_none() || matches!(self.after.judge(need), Verdict::Broken(_)) {
                    continue;
                }
                let decisive = matches!(self.before.judge(need), Verdict::Broken(_));
                if decisive || is_new(need, change) {
                    let text = need.text;
                    required.for_each(|at| edges[*at].push(Edge { by, text, decisive }));
                }
            }
        }
        for list in &mut edges {
            list.sort_by_key(|edge| (!edge.decisive, self.asked(edge.by), edge.by, edge.text));
            list.dedup_by_key(|edge| (edge.by, edge.text));
        }
        edges
    }

    fn required(&self, at: usize, edge: &Edge<'_>) -> Option<Cause> {
        Some(Cause::Required {
            by: self.changes[edge.by].to.as_ref()?.into(),
            requirement: edge.text.to_owned(),
            decisive: edge.decisive,
            through: self.through(edge.by, at),
        })
    }

    /// What required a changed package that is the cause of `told`, on the shortest way to one that was asked for; as
    /// far as it goes if none was.
    fn through(&self, start: usize, told: usize) -> Vec<PackageRef> {
        let mut came_from: HashMap<usize, usize> = HashMap::from([(start, start), (told, start)]);
        let mut waiting = VecDeque::from([start]);
        let mut last = start;
        while let Some(at) = waiting.pop_front() {
            last = at;
            if self.asked(at) != Asked::No {
                break;
            }
            for edge in &self.edges[at] {
                if let Entry::Vacant(free) = came_from.entry(edge.by) {
                    free.insert(at);
                    waiting.push_back(edge.by);
                }
            }
        }
        let mut way = Vec::new();
        while last != start {
            way.extend(self.changes[last].to.as_ref().map(PackageRef::from));
            last = came_from.get(&last).copied().unwrap_or(start);
        }
        way.reverse();
        way
    }

    /// Requirements of the older record that held before and do not hold now, because what they name changed, and not
    /// because of this package in turn.
    fn unfit(&self, at: usize) -> Vec<Cause> {
        let change = &self.changes[at];
        let record = change.from.as_ref().and_then(|package| self.before.member(package));
        let Some(member) = record.filter(|member| member.counts) else {
            return Vec::new();
        };
        let changed = |need: &&Need<'_>| {
            let named = self.by_name.get(&(change.manager, need.name()));
            let ours = |other: &usize| {
                let mut edges = self.edges[*other].iter();
                self.asked(*other) == Asked::No && edges.any(|edge| edge.by == at && edge.decisive)
            };
            need.name() != change.name && named.is_some_and(|named| !named.iter().any(ours))
        };
        let mut causes = Vec::new();
        for need in member.needs.iter().filter(changed) {
            if let (Verdict::Holds, Verdict::Broken(found)) = (self.before.judge(need), self.after.judge(need)) {
                causes.push(Cause::Unfit {
                    requirement: need.text.to_owned(),
                    needs: need.name().to_owned(),
                    found: found.map(PackageRef::from),
                });
            }
        }
        causes
    }

    /// What the change means for the use of GPUs.
    fn shift(&self, at: usize) -> Option<Shift> {
        let change = &self.changes[at];
        let to = change.to.as_ref()?;
        let before = self.before.effective(change.manager, &change.name);
        let shift = change
            .from
            .as_ref()
            .or(before)
            .and_then(|from| flavour::shift(from, to));
        shift.or_else(|| {
            let went = |other: &&PackageChange| {
                let gpu = other.from.as_ref().and_then(Flavour::of);
                other.to.is_none() && gpu.is_some() && flavour::is_cpu_variant(&other.name, &change.name)
            };
            let is_gpu = Flavour::of(to).is_some_and(|flavour| flavour != Flavour::Cpu);
            let lost = change.from.is_none() && !is_gpu && self.changes.iter().any(|other| went(&other));
            lost.then(flavour::gpu_lost)
        })
    }
}

/// Whether the package did not have the requirement before; how it is spaced and quoted is no matter.
fn is_new(need: &Need<'_>, change: &PackageChange) -> bool {
    let Some(older) = &change.from else { return true };
    let plain = |text: &str| -> String {
        let kept = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '(' | ')'));
        kept.map(|c| if c == '"' { '\'' } else { c }).collect()
    };
    let wanted = plain(need.text);
    !older.requires.iter().any(|text| plain(text) == wanted)
}

/// `conda install --revision 1` brings a whole state back.
fn brings_back(command: &Command) -> bool {
    let mut words = command.command.split(' ');
    words.any(|word| matches!(word.split('=').next(), Some("--revision" | "--rev")))
}

/// What requires a package, by the rules of its own manager.
fn requirers(installed: &Installed<'_>, change: &PackageChange) -> Vec<PackageRef> {
    let requires = |need: &Need<'_>| !need.optional && need.name() == change.name;
    let mut found: Vec<PackageRef> = installed
        .counting()
        .filter(|member| member.package.manager == change.manager && member.package.name != change.name)
        .filter(|member| member.needs.iter().any(requires))
        .map(|member| member.package.into())
        .collect();
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
#[path = "causes_tests.rs"]
mod tests;
