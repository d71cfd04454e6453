//! Words in messages: lists and suggestions.

use std::fmt::Display;

/// Joins words: `a`, `b`, and `c`.
pub fn list(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [first @ .., last] => format!("{}, and {last}", first.join(", ")),
    }
}

/// Joins names in backticks.
pub fn list_names(names: impl IntoIterator<Item = impl Display>) -> String {
    let names = names.into_iter().map(|name| format!("`{name}`"));
    list(&names.collect::<Vec<_>>())
}

/// Finds the candidate that a misspelt word was probably meant to be. As in rustc's suggestions, a third
/// of the letters may be added, dropped, changed, or swapped with the next.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = word.len().max(3) / 3;
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn distance(one: &str, other: &str) -> usize {
    let (a, b) = (one.as_bytes(), other.as_bytes());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let is_swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                let swapped = if is_swap {
                    rows[i - 2][j - 2] + 1
                } else {
                    changed
                };
                let added_or_dropped = rows[i - 1][j].min(rows[i][j - 1]) + 1;
                changed.min(added_or_dropped).min(swapped)
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_word_finds_the_nearest_candidate() {
        let kinds = ["simple", "tcp", "http", "exec", "executor"];
        for (word, meant) in [
            ("tpc", Some("tcp")),
            ("https", Some("http")),
            ("simpel", Some("simple")),
            ("executer", Some("executor")),
            ("exce", Some("exec")),
            ("env", None),
            ("command", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, kinds), meant, "{word}");
        }
    }
}
