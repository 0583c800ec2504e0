//! Names that look like a given one, for "did you mean".

/// The (at most three) names nearest to `wanted`: within a small edit distance, or sharing a prefix.
pub fn near(wanted: &str, names: impl IntoIterator<Item = String>) -> Vec<String> {
    let limit = match wanted.chars().count() {
        0..=2 => 1,
        3..=8 => 2,
        _ => 3,
    };
    let mut ranked: Vec<(usize, String)> = names
        .into_iter()
        .filter_map(|name| {
            let distance = distance(wanted, &name);
            let close = distance <= limit;
            let prefix = wanted.len().min(name.len()) >= 2 && (name.starts_with(wanted) || wanted.starts_with(&name));
            (close || prefix).then_some((distance, name))
        })
        .collect();
    ranked.sort();
    ranked.dedup();
    ranked.into_iter().take(3).map(|(_, name)| name).collect()
}

/// The number of characters to insert, remove or replace.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replace = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|s| (*s).to_owned()).collect()
    }

    #[test]
    fn distances() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn the_nearest_three_come_first() {
        let all = names(&["main", "maim", "mail", "mainline", "zzz", "release"]);
        assert_eq!(near("mian", all.clone()), names(&["main"]));
        assert_eq!(near("unlike", all.clone()), names(&[]));
        assert_eq!(near("maik", all.clone()), names(&["mail", "maim", "main"]));
        assert_eq!(near("rel", all), names(&["release"]));
    }
}
