//! The pause that a server asks for with `Retry-After`.

use std::time::{Duration, Instant, SystemTime};

/// Returns the time of the next request to a server that asks for a pause: after the pause, but once
/// more before the deadline.
pub(super) fn soonest(after: Duration, deadline: Instant) -> Instant {
    let now = Instant::now();
    let left = deadline.saturating_duration_since(now);
    now + after.min(left - (left / 10).min(Duration::from_secs(1)))
}

/// Describes a pause in words.
pub(super) fn told(after: Duration) -> String {
    const DAY: u64 = 86_400;
    match after.as_secs() {
        seconds @ ..=DAY => format!("{seconds} s"),
        _ => "more than a day".to_owned(),
    }
}

/// Parses `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3).
pub(super) fn retry_after(text: &str) -> Option<Duration> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // The parser rejects digits only if the number is too large.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(date(text)?);
    Some(at.duration_since(SystemTime::now()).unwrap_or_default())
}

/// Parses `Sun, 06 Nov 1994 08:49:37 GMT` to seconds since 1970. Other forms are obsolete (RFC 9110,
/// section 5.6.7).
fn date(text: &str) -> Option<u64> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let mut words = text.split(' ').skip(1);
    let day: u64 = words.next()?.parse().ok()?;
    let month = MONTHS.find(words.next().filter(|month| month.len() == 3)?)?;
    let month = (month % 3 == 0).then_some(month as u64 / 3)?;
    let year: u64 = words.next()?.parse().ok()?;
    let mut time = words.next()?.split(':').map(str::parse::<u64>);
    let mut part = || time.next()?.ok().filter(|part| *part <= 60);
    let seconds = part()? * 3600 + part()? * 60 + part()?;
    if words.next() != Some("GMT") || !(1970..=9999).contains(&year) || !(1..=31).contains(&day) {
        return None;
    }
    // Count years from March, so that the leap day is the last day of its year.
    let (year, month) = if month < 2 {
        (year - 1, month + 10)
    } else {
        (year, month - 2)
    };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 306 + 5) / 10 + day - 1;
    /// The days until 1970 in this count.
    const UNTIL_1970: u64 = 719_468;
    Some(days.checked_sub(UNTIL_1970)? * 86_400 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_time_is_in_seconds_or_a_date() {
        assert_eq!(retry_after("120"), Some(Duration::from_secs(120)));
        let endless = "99999999999999999999999";
        assert_eq!(retry_after(endless), Some(Duration::from_secs(u64::MAX)));
        assert_eq!(date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(date("Thu, 29 Feb 2024 23:59:59 GMT"), Some(1_709_251_199));
        // A date in the past means no pause.
        assert_eq!(
            retry_after("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(Duration::ZERO)
        );
        for wrong in [
            "",
            "-1",
            "+1",
            "soon",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "a 99 Foo 1 1:1:1 GMT",
            "a 1 anF 1994 08:49:37 GMT",
        ] {
            assert_eq!(retry_after(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_long_pause_is_not_told_to_the_second() {
        let told = |seconds| told(Duration::from_secs(seconds));
        assert_eq!(told(3600), "3600 s");
        assert_eq!(told(86_401), "more than a day");
        assert_eq!(told(u64::MAX), "more than a day");
    }
}
