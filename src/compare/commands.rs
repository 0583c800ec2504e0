//! What was done with conda between two states, by conda's own history of the prefix.
//!
//! ```text
//! ==> 2026-11-23 08:45:57 <==
//! # cmd: /opt/conda/bin/conda install numpy=1.24.4
//! # conda version: 24.1.0
//! +defaults/linux-64::numpy-1.24.4-py311_0
//! # update specs: ['numpy=1.24.4']
//! ```

use crate::snapshot::explanation::Command;
use crate::snapshot::url::without_secrets;

/// The commands in the newer history that the older one has not, oldest first. Histories only grow: what they have in
/// common stands at their beginning.
pub fn commands(before: Option<&str>, after: Option<&str>) -> Vec<Command> {
    let before = before.map(revisions).unwrap_or_default();
    let after = after.map(revisions).unwrap_or_default();
    let common = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
    after[common..].iter().filter_map(command).collect()
}

/// One revision: its time and its lines.
type Revision<'a> = (&'a str, Vec<&'a str>);

fn revisions(text: &str) -> Vec<Revision<'_>> {
    let mut revisions: Vec<Revision<'_>> = Vec::new();
    for line in text.lines() {
        let time = line
            .strip_prefix("==> ")
            .and_then(|rest| rest.trim_end().strip_suffix(" <=="));
        match (time, revisions.last_mut()) {
            (Some(time), _) => revisions.push((time.trim(), Vec::new())),
            (None, Some((_, lines))) if !line.trim().is_empty() => lines.push(line),
            _ => {}
        }
    }
    revisions
}

/// The command of a revision. conda also writes revisions without one, when it finds that something changed.
fn command((time, lines): &Revision<'_>) -> Option<Command> {
    let comments = || {
        lines
            .iter()
            .filter_map(|line| line.strip_prefix('#'))
            .map(str::trim_start)
    };
    let typed = comments().find_map(|line| line.strip_prefix("cmd:"))?;
    let (mut specs, mut removes) = (Vec::new(), Vec::new());
    for line in comments() {
        let Some((kind, list)) = line.split_once("specs:") else {
            continue;
        };
        match kind.trim() {
            "remove" | "uninstall" => removes.extend(list_of_texts(list)),
            "update" | "install" | "create" => specs.extend(list_of_texts(list)),
            _ => {}
        }
    }
    Some(Command {
        time: (*time).to_owned(),
        command: shown(typed.trim()),
        specs,
        removes,
    })
}

/// The command as one would type it: the program without its path, addresses without their secrets.
fn shown(typed: &str) -> String {
    let (program, arguments) = typed.split_once(' ').unwrap_or((typed, ""));
    let mut folders = program.rsplit(['/', '\\']);
    let name = match folders.next().unwrap_or_default() {
        // `python -m conda`
        "__main__.py" => folders.next().unwrap_or("conda"),
        name => name,
    };
    let name = name.strip_suffix("-script.py").unwrap_or(name);
    let words = arguments.split(' ').map(without_secrets);
    std::iter::once(name.to_owned())
        .chain(words)
        .collect::<Vec<_>>()
        .join(" ")
        .trim_end()
        .to_owned()
}

/// A list as Python writes it (`['a', "b"]`), or as conda once did (`a,b`).
fn list_of_texts(text: &str) -> Vec<String> {
    let text = text.trim();
    let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) else {
        let named = text.split(',').map(str::trim).filter(|spec| !spec.is_empty());
        return named.map(without_secrets).collect();
    };
    let mut texts = Vec::new();
    let mut quoted: Option<(char, String)> = None;
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match &mut quoted {
            None => {
                if matches!(c, '\'' | '"') {
                    quoted = Some((c, String::new()));
                }
            }
            Some((quote, text)) if c == *quote => {
                texts.push(without_secrets(text));
                quoted = None;
            }
            Some((_, text)) if c == '\\' => text.extend(chars.next()),
            Some((_, text)) => text.push(c),
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FIRST: &str = "==> 2026-11-23 08:45:57 <==\n# cmd: /opt/conda-src/conda/conda/__main__.py create -p /opt/e \
                         -c https://u:pw@e.org/t/tk-1/c python=3.11\n# conda version: 0.0.0\n\
                         +defaults/linux-64::python-3.11.2-h0_0_cpython\n# update specs: ['python=3.11', 'pip']\n";
    const FOUND: &str = "==> 2026-11-23 09:00:00 <==\n-defaults/linux-64::numpy-1.24.4-py311_0\n";
    const SECOND: &str = "==> 2026-11-24 10:00:00 <==\n# cmd: /opt/conda/bin/conda remove scipy\n\
                          # conda version: 24.1.0\n-defaults/linux-64::scipy-1.10.1-py311_0\n\
                          # remove specs: [\"scipy[version='>=1']\"]\n# neutered specs: ['x']\n";

    #[test]
    fn only_what_came_since_is_told() {
        let both = [FIRST, FOUND, SECOND].concat();
        let create = Command {
            time: "2026-11-23 08:45:57".to_owned(),
            command: "conda create -p /opt/e -c https://e.org/c python=3.11".to_owned(),
            specs: vec!["python=3.11".to_owned(), "pip".to_owned()],
            removes: vec![],
        };
        let remove = Command {
            time: "2026-11-24 10:00:00".to_owned(),
            command: "conda remove scipy".to_owned(),
            specs: vec![],
            removes: vec!["scipy[version='>=1']".to_owned()],
        };
        assert_eq!(commands(None, Some(FIRST)), std::slice::from_ref(&create));
        assert_eq!(commands(Some(FIRST), Some(&both)), std::slice::from_ref(&remove));
        assert_eq!(commands(Some(&both), Some(FIRST)), []);
        assert_eq!(commands(Some(&both), Some(&both)), []);
        assert_eq!(commands(Some(&both), None), []);
        assert_eq!(commands(Some(SECOND), Some(&both)), [create, remove], "another prefix");
    }

    #[test]
    fn programs_and_lists_are_written_in_several_ways() {
        for (typed, expected) in [
            ("/opt/conda/bin/conda install a", "conda install a"),
            ("C:\\conda\\Scripts\\conda-script.py update --all", "conda update --all"),
            ("/x/conda/__main__.py list", "conda list"),
            ("mamba", "mamba"),
            (
                "/x/conda_env.py --c=https://e.org/t/tk-1/c b",
                "conda_env.py --c=https://e.org/c b",
            ),
        ] {
            assert_eq!(shown(typed), expected);
        }
        for (list, expected) in [
            ("['a', \"b[build='x']\"]", vec!["a", "b[build='x']"]),
            ("a,b >=1", vec!["a", "b >=1"]),
            ("['it\\'s']", vec!["it's"]),
            ("[]", vec![]),
            ("", vec![]),
            ("['a", vec!["['a"]),
        ] {
            assert_eq!(list_of_texts(list), expected, "{list}");
        }
    }

    proptest! {
        #[test]
        fn no_history_stops_a_diff(a in "(==> |# cmd: |# update specs: \\[|'|\"|\\\\|\n|[a-z ]|<==|\\PC){0,30}", b in "\\PC{0,20}") {
            commands(Some(&b), Some(&a));
            prop_assert_eq!(commands(Some(&a), Some(&a)), vec![]);
        }
    }
}
