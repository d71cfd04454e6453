//! Repeated lines of a report, folded to one example and a count.

use std::borrow::Cow;
use std::collections::HashMap;

/// The longest group of lines that repeats, such as a request and its answer.
const LONGEST_GROUP: usize = 8;
/// A group is folded if it repeats at least this often after its first time.
const LEAST_REPEATS: usize = 2;

/// The part of the lines of one shape that has a usual number, as a fraction: other numbers are odd there.
const USUAL: (usize, usize) = (4, 5);

/// A row of a report: a line, or the number of lines that it stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Row<'t> {
    Line(&'t str),
    Like(usize),
}

impl<'t> Row<'t> {
    pub(super) fn text(&self) -> Cow<'t, str> {
        match self {
            Row::Line(line) => Cow::Borrowed(line),
            Row::Like(lines) => Cow::Owned(format!(".. {lines} lines like this")),
        }
    }

    /// The number of lines of the output that the row covers.
    pub(super) fn lines(&self) -> usize {
        match self {
            Row::Line(_) => 1,
            Row::Like(lines) => *lines,
        }
    }
}

/// Folds repeated lines. Lines are alike if they differ only in words that contain digits, such as
/// times and counters. A line with an odd number stays, such as one status 500 among many 200.
pub(super) fn rows(text: &str) -> Vec<Row<'_>> {
    let lines: Vec<&str> = text.lines().collect();
    let shapes = shapes(&lines);
    let mut rows = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let group = (1..=LONGEST_GROUP)
            .map(|size| (size, repeats(&shapes[at..], size)))
            .find(|(_, repeats)| *repeats >= LEAST_REPEATS);
        let (size, repeats) = group.unwrap_or((1, 0));
        rows.extend(lines[at..at + size].iter().copied().map(Row::Line));
        if repeats > 0 {
            rows.push(Row::Like(size * repeats));
        }
        at += size * (1 + repeats);
    }
    rows
}

/// Returns how often the first `size` lines come again.
fn repeats(shapes: &[String], size: usize) -> usize {
    let mut groups = shapes.chunks_exact(size);
    let first = groups.next();
    groups.take_while(|group| Some(*group) == first).count()
}

/// Returns the shape of each line: equal for lines that are alike.
fn shapes(lines: &[&str]) -> Vec<String> {
    let mut numbers: Vec<Vec<&str>> = vec![Vec::new(); lines.len()];
    let all = lines.iter().zip(&mut numbers);
    let mut shapes: Vec<String> = all.map(|(line, numbers)| shape(line, numbers)).collect();
    // How often each number comes at its place in lines of one shape, and how many such lines there are.
    let mut counts: HashMap<(&str, usize, &str), usize> = HashMap::new();
    let mut totals: HashMap<&str, usize> = HashMap::new();
    for (shape, numbers) in shapes.iter().zip(&numbers) {
        *totals.entry(shape).or_default() += 1;
        for (place, number) in numbers.iter().enumerate() {
            *counts.entry((shape, place, number)).or_default() += 1;
        }
    }
    // Only one number at a place can be usual.
    let is_usual = |((shape, ..), count): &(&(&str, usize, &str), &usize)| {
        *count * USUAL.1 >= totals[shape] * USUAL.0
    };
    let usual = counts.iter().filter(is_usual);
    let usual: HashMap<(&str, usize), &str> = usual
        .map(|((shape, place, number), _)| ((*shape, *place), *number))
        .collect();
    let odd = |(shape, numbers): (&String, &Vec<&str>)| -> String {
        let is_odd = |(place, number): &(usize, &&str)| {
            let usual = usual.get(&(shape.as_str(), *place));
            usual.is_some_and(|usual| usual != *number)
        };
        let numbers = numbers.iter().enumerate().filter(is_odd);
        let texts = numbers.map(|(place, number)| format!("\n{place} {number}"));
        texts.collect::<Vec<String>>().concat()
    };
    let odd: Vec<String> = shapes.iter().zip(&numbers).map(odd).collect();
    // A line has no line end, so this is the shape of no other line.
    shapes
        .iter_mut()
        .zip(&odd)
        .for_each(|(shape, odd)| shape.push_str(odd));
    shapes
}

/// Replaces each word that contains a digit by one digit. Adds these words to `numbers`.
fn shape<'t>(line: &'t str, numbers: &mut Vec<&'t str>) -> String {
    let mut shape = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let end = rest
            .find(|c: char| !c.is_alphanumeric())
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(end.max(c.len_utf8()));
        match word.contains(|c: char| c.is_ascii_digit()) {
            true => {
                shape.push('0');
                numbers.push(word);
            }
            false => shape.push_str(word),
        }
        rest = after;
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> Vec<String> {
        let rows = rows(text);
        let covered: usize = rows.iter().map(Row::lines).sum();
        assert_eq!(covered, text.lines().count());
        rows.iter().map(|row| row.text().into_owned()).collect()
    }

    #[test]
    fn lines_that_differ_in_numbers_fold() {
        let text = "boot\n12:00:01 GET /health 503 3ms a1f\n12:00:02 GET /health 503 12ms 7\n12:00:03 GET /health 503 2ms 0b\nend";
        let expected = [
            "boot",
            "12:00:01 GET /health 503 3ms a1f",
            ".. 2 lines like this",
            "end",
        ];
        assert_eq!(folded(text), expected);
    }

    #[test]
    fn a_line_with_an_odd_number_stays() {
        let ok = (0..20).map(|at| format!("{at} GET /a1 200 {}ms\n", at % 3));
        let ok = ok.collect::<Vec<String>>().concat();
        let text = format!("{ok}20 GET /a1 500 1ms\n{ok}");
        let expected = [
            "0 GET /a1 200 0ms",
            ".. 19 lines like this",
            "20 GET /a1 500 1ms",
            "0 GET /a1 200 0ms",
            ".. 19 lines like this",
        ];
        assert_eq!(folded(&text), expected);
        // No number is usual.
        let progress = (0..30).map(|at| format!("{at}%\n"));
        let progress = progress.collect::<Vec<String>>().concat();
        assert_eq!(folded(&progress), ["0%", ".. 29 lines like this"]);
    }

    #[test]
    fn groups_of_lines_fold() {
        let text = "in 1\nout 2\n".repeat(3) + "in 3\n";
        let expected = ["in 1", "out 2", ".. 4 lines like this", "in 3"];
        assert_eq!(folded(&text), expected);
    }

    #[test]
    fn other_lines_stay() {
        for text in [
            "",
            "a\nb\na\nb",
            "1\n2",
            "\n\nx",
            "a é 1\na é b\na é 2",
            "ä1é\nä\né",
        ] {
            let lines: Vec<_> = text.lines().collect();
            assert_eq!(folded(text), lines, "{text:?}");
        }
    }
}
