//! Checks texts and ranges as values of options.
#![no_main]

use std::fmt::Debug;
use std::str::FromStr;
use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use summon::probe::Statuses;
use summon::{ExitCodes, Limit, Size, fuzzing};

fuzz_target!(|text: &str| {
    duration(text);
    size(text);
    if let Some((first, last)) = numbers::<i32>(text, "..=") {
        for code in near(first, last) {
            let range = first..=last;
            let allowed = fuzzing::allow(&ExitCodes::from(range.clone()), code);
            assert_eq!(allowed, range.contains(&code));
        }
    } else if let Some((first, end)) = numbers::<i32>(text, "..") {
        for code in near(first, end) {
            let range = first..end;
            let allowed = fuzzing::allow(&ExitCodes::from(range.clone()), code);
            assert_eq!(allowed, range.contains(&code));
        }
    }
    if let Some((first, last)) = numbers::<u16>(text, "..=") {
        let statuses = Statuses::from(first..=last);
        let is_said = !statuses.to_string().is_empty();
        assert_eq!(is_said, first <= last);
        for status in near(first.into(), last.into()).filter_map(|it| it.try_into().ok()) {
            assert_eq!(
                fuzzing::http::allow(&statuses, status),
                (first..=last).contains(&status)
            );
        }
    } else if let Some((first, end)) = numbers::<u16>(text, "..") {
        let statuses = Statuses::from(first..end);
        for status in near(first.into(), end.into()).filter_map(|it| it.try_into().ok()) {
            assert_eq!(
                fuzzing::http::allow(&statuses, status),
                (first..end).contains(&status)
            );
        }
    }
});

fn duration(text: &str) {
    let read = fuzzing::duration(&Limit::from(text));
    // summon refuses `M`, which `humantime` takes for months. With more digits, some sums make `humantime` panic.
    let is_ambiguous = matches!(&read, Err(why) if why.contains("`M` may mean"));
    assert!(!is_ambiguous || text.contains('M'));
    if !is_ambiguous && text.bytes().filter(u8::is_ascii_digit).count() <= 11 {
        let expected = humantime::parse_duration(text).ok();
        let expected = expected.map(|duration| fuzzing::duration(&Limit::from(duration)));
        assert_eq!(read.clone().ok().map(Ok), expected);
    }
    match read {
        Ok(duration) => {
            assert!(Instant::now().checked_add(duration).is_some());
            assert_eq!(fuzzing::duration(&Limit::from(duration)), Ok(duration));
            // The same duration, in the notation of `humantime`.
            let again = format!("{}ns {}s", duration.subsec_nanos(), duration.as_secs());
            assert_eq!(fuzzing::duration(&Limit::from(again)), Ok(duration));
        }
        Err(why) => assert!(why.contains("is not a duration")),
    }
}

fn size(text: &str) {
    match fuzzing::bytes(&Size::from(text)) {
        Ok(bytes) => {
            assert_eq!(Size::from(bytes.to_string()), Size::from(bytes));
            assert!(text.contains(|c: char| c.is_ascii_digit()) && !text.contains('-'));
        }
        Err(why) => assert!(why.contains("is not a size")),
    }
}

fn numbers<T: FromStr<Err: Debug>>(text: &str, between: &str) -> Option<(T, T)> {
    let (first, last) = text.split_once(between)?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

/// Returns the numbers at which an off-by-one mistake would show.
fn near(first: i32, last: i32) -> impl Iterator<Item = i32> {
    let around = |it: i32| [it.saturating_sub(1), it, it.saturating_add(1)];
    around(first)
        .into_iter()
        .chain(around(last))
        .chain([0, i32::MIN, i32::MAX])
}
