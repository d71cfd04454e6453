//! Decides whether a match in an unfinished line is certain.

use std::ops::Range;

use regex::bytes::Regex;
use regex_automata::Input;
use regex_automata::hybrid::dfa::DFA;
use regex_automata::util::alphabet::Unit;
use regex_automata::util::syntax;

use super::Pattern;

/// Returns whether the pattern matches within `text`, the beginning of a line, regardless of later
/// output. If the pattern has groups, they must be certain too, since their values are passed on.
pub(super) fn matches(pattern: &Pattern, text: &[u8]) -> bool {
    let mut regexes = pattern.regexes(text).into_iter().flatten();
    if !pattern.has_groups() {
        return regexes.any(|regex| {
            // A word character, and another character. An assertion that holds before both also
            // holds at the line's end.
            b"0 ".iter().all(|next| {
                let end = regex.shortest_match(&with(text, *next));
                end.is_some_and(|end| end <= text.len())
            })
        });
    }
    // The rest of a partial character would change the groups.
    let (Some(regex), Ok(_)) = (regexes.next(), std::str::from_utf8(text)) else {
        return false;
    };
    let Some(found) = groups(regex, &with(text, b'0')) else {
        return false;
    };
    let ends_inside = found[0].as_ref().is_some_and(|all| all.end <= text.len());
    let is_found = |line: &[u8]| groups(regex, line).as_ref() == Some(&found);
    // Other assertions hold before a line end of either kind, and another alternative may match
    // first there.
    ends_inside
        && [b' ', b'\r']
            .iter()
            .all(|next| is_found(&with(text, *next)))
        && is_found(text)
        && is_final(pattern, text).unwrap_or(false)
}

fn with(text: &[u8], next: u8) -> Vec<u8> {
    [text, &[next]].concat()
}

/// Returns the ranges of the groups. The first is the whole match.
fn groups(pattern: &Regex, line: &[u8]) -> Option<Vec<Option<Range<usize>>>> {
    let groups = pattern.captures(line)?;
    let groups = groups.iter();
    Some(groups.map(|group| group.map(|it| it.range())).collect())
}

/// Returns whether no later output can become a part of a match with priority over the match in
/// `text`. `None` if the answer takes too much memory.
fn is_final(pattern: &Pattern, text: &[u8]) -> Option<bool> {
    let is_unicode = pattern.is_for_characters(text);
    let syntax = syntax::Config::new().unicode(is_unicode).utf8(false);
    let automaton = DFA::builder().syntax(syntax).build(pattern.as_str()).ok()?;
    let mut cache = automaton.create_cache();
    let start = automaton.start_state_forward(&mut cache, &Input::new(text));
    let mut state = start.ok()?;
    for byte in text {
        state = automaton.next_state(&mut cache, state, *byte).ok()?;
    }
    // After the cache was cleared, old states are invalid.
    let emptied = cache.clear_count();
    // A dead state has no way out. The automaton reports a match one byte late.
    let mut step = |state, unit: Unit| match unit.as_u8() {
        Some(byte) => automaton.next_state(&mut cache, state, byte),
        None => automaton.next_eoi_state(&mut cache, state),
    };
    let classes = automaton.byte_classes();
    for byte in classes.representatives(0..=255) {
        let next = step(state, byte).ok()?;
        let mut units = classes.representatives(..);
        let mut is_last = || units.all(|unit| step(next, unit).is_ok_and(|it| it.is_dead()));
        if !(next.is_dead() || next.is_match() && is_last()) {
            return Some(false);
        }
    }
    (cache.clear_count() == emptied).then_some(true)
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    fn matches(regex: &str, text: &str) -> bool {
        super::matches(&Pattern::new(regex).unwrap(), text.as_bytes())
    }

    #[test]
    fn what_follows_may_undo_a_match() {
        assert!(matches("ready", "server is ready"));
        for (regex, text) in [
            ("ready$", "ready"),
            (r"up\b", "up"),
            (r"up\B", "up"),
            ("a.", "a"),
        ] {
            assert!(!matches(regex, text), "{regex}");
        }
    }

    #[test]
    fn what_follows_may_belong_to_a_group() {
        for (regex, text) in [
            (r"port (\d+)", "port 80"),
            ("host (?<host>[a-z]+)", "host local"),
            ("host (?<host>[a-z]+)(:80)?", "host local"),
            (
                r"port (?<port>\d\d)(, admin (?<port_admin>\d\d))?",
                "port 80",
            ),
            (
                r"port (?<port>\d\d)(, admin (?<port_admin>\d\d))?",
                "port 80, admin",
            ),
            // Another alternative may match at the end of the line.
            ("(?<a>x)$|(?<b>x)", "x"),
            (r"(?<a>x)\b|(?<b>x)", "x"),
            (r"(?Rm)(?<a>x)$|(?<b>x)", "x"),
            (r"(x)(y$)?", "x"),
        ] {
            assert!(!matches(regex, text), "{regex} {text}");
        }
        for (regex, text) in [
            (r"port (\d+)", "port 80 "),
            (r"port (\d\d)", "port 80"),
            (r"port (\d+?)", "port 80"),
            ("host (?<host>[a-z]+)", "host local:"),
            (
                r"port (?<port>\d\d)(, admin (?<port_admin>\d\d))?",
                "port 80, admin 81",
            ),
            (
                r"port (?<port>\d\d)(, admin (?<port_admin>\d\d))?",
                "port 80 up",
            ),
        ] {
            assert!(matches(regex, text), "{regex} {text}");
        }
    }
}
