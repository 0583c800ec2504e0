//! Which recorded variables differ.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_differences_are_listed() {
        let set = |pairs: &[(&str, &str)]| -> Vars {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
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
