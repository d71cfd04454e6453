//! Durations such as `500ms` or `1m 30s`.

use std::time::Duration;

/// Reads a duration. The error quotes the text and shows how to write one. Refuses `M`: humantime takes
/// it for months, and a user means minutes.
pub fn parse(text: &str) -> Result<Duration, String> {
    let mut units = text.split(|c: char| !c.is_alphabetic());
    if units.any(|unit| unit == "M") {
        return Err(format!(
            "`{text}` is not a duration: `M` may mean minutes or months; write `m` for minutes"
        ));
    }
    let sum = parts(text).try_fold(Duration::ZERO, |sum, part| {
        // `humantime` panics if a sum overflows, so parse each part by itself:
        // <https://github.com/chronotope/humantime/issues/66>
        Ok(sum.saturating_add(humantime::parse_duration(&part)?))
    });
    sum.map_err(|error: humantime::DurationError| {
        format!("`{text}` is not a duration: {error}; write, for example, `500ms` or `1m 30s`")
    })
}

/// Splits a text into numbers with their units. Spaces before each part keep its offset in the text, so
/// that the positions in `humantime`'s errors are right.
fn parts(text: &str) -> impl Iterator<Item = String> {
    let mut after_unit = false;
    let begins = |(at, c): (usize, char)| {
        let begins = after_unit && c.is_ascii_digit();
        after_unit = c.is_alphabetic() || after_unit && c.is_whitespace();
        begins.then_some(at)
    };
    let mut starts: Vec<usize> = text.char_indices().filter_map(begins).collect();
    starts.insert(0, 0);
    let ends: Vec<usize> = starts[1..].iter().copied().chain([text.len()]).collect();
    let parts = starts.into_iter().zip(ends);
    parts.map(|(start, end)| format!("{:start$}{}", "", &text[start..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up() {
        for (text, millis) in [
            ("500ms", 500),
            ("1m 30s", 90_000),
            ("1m30s", 90_000),
            (" 1 m 1 5.5 s ", 75_500),
            ("0", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn a_sum_that_overflows_is_the_longest_duration() {
        for text in [
            "18446744073709551615s 1000000000ns",
            "18446744073709551615.5s1.5s",
            "500000000000y 500000000000y",
        ] {
            assert!(
                parse(text).unwrap() > Duration::from_secs(u64::MAX - 1),
                "{text}"
            );
        }
    }

    #[test]
    fn minutes_are_not_taken_for_months() {
        for text in ["10M", "1h 10M", "10 M", "1M30s"] {
            let expected = format!("`{text}` is not a duration: `M` may mean");
            assert!(
                parse(text).is_err_and(|why| why.starts_with(&expected)),
                "{text}"
            );
        }
        assert_eq!(parse("10m"), parse("10min"));
        assert!(parse("2months") > parse("10m"));
    }

    #[test]
    fn errors_name_the_right_position() {
        let why = |text| parse(text).unwrap_err();
        assert!(why("").contains("`` is not a duration: value was empty"));
        assert!(why("1s 0").contains("time unit needed"));
        let expected = "`1s 5m ä` is not a duration: expected number at 6; write, for";
        assert!(why("1s 5m ä").starts_with(expected), "{}", why("1s 5m ä"));
        assert!(why("1s 5-m").contains("invalid character at 4"));
    }
}
