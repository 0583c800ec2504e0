//! Which recorded variables differ, and which values of a shell stand for recorded ones.

use std::collections::{BTreeMap, BTreeSet};

use super::merge;
use crate::snapshot::change::{ChangeKind, VarChange};
use crate::snapshot::facts::Vars;

/// The differences between two sets of variables, sorted by name.
pub fn vars(from: &Vars, to: &Vars) -> Vec<VarChange> {
    let mut changes = Vec::new();
    merge(
        from,
        to,
        |(name, _)| *name,
        |(name, _)| *name,
        |a, b| {
            let value = |side: Option<(&String, &String)>| side.map(|(_, value)| value.clone());
            if value(a) != value(b)
                && let Some((name, _)) = a.or(b)
            {
                changes.push(VarChange {
                    name: name.clone(),
                    change: ChangeKind::of(a, b),
                    from: value(a),
                    to: value(b),
                });
            }
        },
    );
    changes
}

/// What a shell had, by name, when a state came that was recorded elsewhere; nothing for a variable that was not set.
///
/// Such a value says how this machine is, not what was changed in the environment: here it stands for the recorded one,
/// whatever that is.
pub type Remembered = BTreeMap<String, Option<String>>;

/// The variables that a commit on top of `recorded` records: those of the shell, but for those that are as they were
/// remembered, which stay as recorded.
pub fn carried(recorded: &Vars, shell: &Vars, remembered: &Remembered) -> Vars {
    let value = |name: &str| match remembered.get(name) {
        Some(then) if then.as_ref() == shell.get(name) => recorded.get(name),
        _ => shell.get(name),
    };
    let pair = |name: &str| Some((name.to_owned(), value(name)?.clone()));
    names([recorded, shell]).into_iter().filter_map(pair).collect()
}

/// What is to be remembered of a shell when `to` comes from elsewhere in the place of `from`, if there was anything: all in
/// which the shell differs from it, but for what had been changed in the shell and was not recorded yet.
pub fn remember(known: &Remembered, from: Option<&Vars>, to: &Vars, shell: &Vars) -> Remembered {
    let mut remembered = known.clone();
    let before = from.map(|from| (from, carried(from, shell, known)));
    for name in names([to, shell]) {
        let was_changed = before
            .as_ref()
            .is_some_and(|(from, here)| from.get(name) != here.get(name));
        if shell.get(name) != to.get(name) && !was_changed {
            remembered.insert(name.to_owned(), shell.get(name).cloned());
        }
    }
    remembered
}

fn names(sets: [&Vars; 2]) -> BTreeSet<&str> {
    sets.into_iter().flat_map(BTreeMap::keys).map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(pairs: &[(&str, &str)]) -> Vars {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn the_shell_of_a_newcomer_is_no_change() {
        let recorded = set(&[("CUDA_HOME", "/cuda12"), ("HF_HOME", "/data"), ("PATH", "/alice:/bin")]);
        let shell = set(&[("LANG", "de"), ("PATH", "/bob:/bin"), ("HF_HOME", "/data")]);
        let known = remember(&Remembered::new(), None, &recorded, &shell);
        assert_eq!(carried(&recorded, &shell, &known), recorded);
        // A change here is one, and is all that is recorded.
        let changed = set(&[("LANG", "de"), ("PATH", "/bob:/bin"), ("HF_HOME", "/mine")]);
        let next = set(&[("CUDA_HOME", "/cuda12"), ("HF_HOME", "/mine"), ("PATH", "/alice:/bin")]);
        assert_eq!(carried(&recorded, &changed, &known), next);
        let took_over = set(&[("PATH", "/bob:/bin"), ("CUDA_HOME", "/cuda13"), ("HF_HOME", "/data")]);
        let told = carried(&recorded, &took_over, &known);
        assert_eq!(told.get("CUDA_HOME").map(String::as_str), Some("/cuda13"));
        let without = set(&[("LANG", "de"), ("PATH", "/bob:/bin")]);
        assert_eq!(
            carried(&recorded, &without, &known).get("HF_HOME"),
            None,
            "it was as recorded, and is gone"
        );
    }

    #[test]
    fn what_others_change_comes_and_what_was_changed_here_stays_a_change() {
        let from = set(&[("CUDA_HOME", "/cuda12"), ("HF_HOME", "/data"), ("TZ", "UTC")]);
        let to = set(&[("CUDA_HOME", "/cuda13"), ("HF_HOME", "/new"), ("TZ", "UTC")]);
        let shell = set(&[("CUDA_HOME", "/cuda12"), ("HF_HOME", "/mine"), ("OMP_NUM_THREADS", "4")]);
        let known = remember(&Remembered::new(), Some(&from), &to, &shell);
        let here = carried(&to, &shell, &known);
        let expected = set(&[("CUDA_HOME", "/cuda13"), ("HF_HOME", "/mine"), ("OMP_NUM_THREADS", "4")]);
        assert_eq!(here, expected);
        // Until it has come, and if it never does, nothing looks changed by it.
        assert_eq!(
            carried(&from, &shell, &known),
            carried(&from, &shell, &Remembered::new())
        );
    }

    #[test]
    fn only_differences_are_listed() {
        let before = set(&[("A", "1"), ("B", "1"), ("C", "1")]);
        let after = set(&[("B", "2"), ("C", "1"), ("D", "1")]);
        let told: Vec<_> = vars(&before, &after).into_iter().map(|c| (c.name, c.change)).collect();
        let expected = [
            ("A", ChangeKind::Removed),
            ("B", ChangeKind::Changed),
            ("D", ChangeKind::Added),
        ];
        assert_eq!(told, expected.map(|(n, c)| (n.to_owned(), c)));
    }
}
