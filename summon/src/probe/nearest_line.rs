//! Finds the line of output that a banner was probably meant to match.
//!
//! A line is near if it contains more than half of the banner's literal text, counted in letters: the
//! same words in the same order. Case does not matter, and a word may have a typo for every four letters.

/// The longest line, and the most output from the end, that are searched.
const LONGEST: usize = 500;
const MOST: usize = 64 * 1024;

/// Returns the line of the output that is nearest to the banner, if any is near.
pub(super) fn nearest_line(banner: &str, output: &[u8]) -> Option<String> {
    let alternatives: Vec<Vec<String>> = literal(banner).split('|').map(words).collect();
    let output = &output[output.len().saturating_sub(MOST)..];
    let text = String::from_utf8_lossy(output);
    let lines = text.lines().filter(|line| line.len() <= LONGEST);
    let mut best: Option<(usize, &str)> = None;
    for line in lines.map(str::trim) {
        let there = words(line);
        let likeness = alternatives.iter().filter_map(|it| likeness(it, &there));
        // The first of equals wins.
        if let Some(percent) = likeness.max() {
            if best.is_none_or(|(most, _)| percent > most) {
                best = Some((percent, line));
            }
        }
    }
    best.map(|(_, line)| line.to_owned())
}

/// Returns the percentage of wanted letters that the line contains, if more than half.
fn likeness(wanted: &[String], there: &[String]) -> Option<usize> {
    let letters = |word: &String| word.chars().count();
    let whole: usize = wanted.iter().map(letters).sum();
    // The longest common subsequence, in letters: `row[n]` compares with the first n words of `there`.
    let mut row = vec![0; there.len() + 1];
    for word in wanted {
        let mut before = 0;
        for (index, other) in there.iter().enumerate() {
            let with_both = match is_alike(word, other) {
                true => before + letters(word),
                false => 0,
            };
            before = row[index + 1];
            row[index + 1] = with_both.max(row[index]).max(before);
        }
    }
    let common = row.last().copied().unwrap_or(0);
    (common * 2 > whole).then(|| common * 100 / whole)
}

fn is_alike(one: &str, two: &str) -> bool {
    one == two || {
        let (one, two): (Vec<char>, Vec<char>) = (one.chars().collect(), two.chars().collect());
        let typos = one.len() / 4;
        one.len().abs_diff(two.len()) <= typos && distance(&one, &two) <= typos
    }
}

/// Returns the number of letters to change, insert, or delete (Levenshtein).
fn distance(one: &[char], two: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut before = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in two.iter().enumerate() {
            let change = before + usize::from(a != b);
            before = row[j + 1];
            row[j + 1] = change.min(before + 1).min(row[j] + 1);
        }
    }
    row[two.len()]
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// Returns roughly the literal text of a pattern. Keeps `|`, and replaces all other syntax by blanks.
fn literal(pattern: &str) -> String {
    let mut text = String::new();
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' => {
                // Classes such as `\d` have no literal text, and an escaped mark separates words.
                rest.next();
                text.push(' ');
            }
            '[' | '{' => {
                let end = if c == '[' { ']' } else { '}' };
                rest.by_ref().find(|c| *c == end);
                text.push(' ');
            }
            '(' if rest.peek() == Some(&'?') => {
                // The flags or the name of a group.
                rest.by_ref().find(|c| [':', '>', ')'].contains(c));
                text.push(' ');
            }
            '(' | ')' | '^' | '$' | '.' | '*' | '+' | '?' => text.push(' '),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &[u8] = b"starting\n* Ready to accept connections tcp\nbye\n";

    #[test]
    fn a_line_with_most_words_of_the_banner_is_near() {
        let line = Some("* Ready to accept connections tcp".to_owned());
        for banner in [
            "^ready to accept connections$",
            r"Ready to accept (?:\d+ )?connexions",
            "ready for connections",
            r"^up and running$|accept connections on (?<port>\d+)",
        ] {
            assert_eq!(nearest_line(banner, OUTPUT), line, "{banner}");
        }
        let near = |banner, line: &str| nearest_line(banner, line.as_bytes()).is_some();
        assert!(near(
            "Listening on port",
            "listening at http://127.0.0.1:80"
        ));
        assert!(near("^up$", "UP"));
        assert!(near(
            "Gestartet: bereit für Anfragen",
            "gestartet, bereit fuer Anfragen"
        ));
    }

    #[test]
    fn a_line_that_shares_letters_or_small_words_is_not_near() {
        for banner in [
            "listening on port",
            "server is up",
            "to",
            "(?i)[a-z]+",
            r"\d+",
            "",
        ] {
            let found = nearest_line(banner, b"starting\npreparing to listen\nit is connected\n");
            let is_small_word = banner == "to";
            assert_eq!(found.is_some(), is_small_word, "{banner}: {found:?}");
        }
        assert_eq!(nearest_line("up", b"startup of the supervisor\n"), None);
        // Other words in between are fine, another order is not.
        let line = b"the system cannot find the database\n";
        assert_eq!(nearest_line("database system is ready", line), None);
    }

    #[test]
    fn the_nearest_of_several_is_shown() {
        let output = b"server starting\nserver started\nserver stopped\n";
        let nearest = nearest_line("^Server started on port", output);
        assert_eq!(nearest.as_deref(), Some("server started"));
    }
}
