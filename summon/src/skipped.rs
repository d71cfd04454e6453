//! The tests that were skipped, for a summary at the end of the test binary.

use std::sync::{Mutex, Once, PoisonError};

use crate::error::escaped;
use crate::progress;
use crate::small_map::SmallMap;
use crate::sys::exit::at_exit;
use crate::sys::maker::Maker;
use crate::sys::runner;
use crate::trace;

/// The reason of each skipped test, with its name. A forked child has a copy, and prints only what it
/// has added.
static SKIPPED: Mutex<Vec<(Maker, String, String)>> = Mutex::new(Vec::new());

/// Prints the reason into the output of the test, and notes it for the summary.
pub(crate) fn note(why: &str) {
    println!("SKIPPED: {}", escaped(why));
    // nextest runs each test in a process. A summary of one test would only repeat the line above.
    if runner::only_test().is_some() {
        return;
    }
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let _ = at_exit(say);
    });
    let skipped = (Maker::here(), why.to_owned(), trace::test_name());
    SKIPPED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(skipped);
}

extern "C" fn say() {
    // A thread that still runs may hold the lock, and waiting for it could block the exit.
    let Ok(skipped) = SKIPPED.try_lock() else {
        return;
    };
    let here = skipped.iter().filter(|(maker, ..)| maker.is_here());
    let mut reasons: SmallMap<&str, Vec<&str>> = SmallMap::new();
    for (_, why, test) in here {
        reasons.or_default(why.as_str()).push(test.as_str());
    }
    if !reasons.is_empty() {
        progress::say(&summary(&reasons));
    }
}

fn summary(reasons: &SmallMap<&str, Vec<&str>>) -> String {
    let count: usize = reasons.iter().map(|(_, tests)| tests.len()).sum();
    let tests = if count == 1 { "test" } else { "tests" };
    let mut text = format!("skipped {count} {tests}; with SUMMON_REQUIRE=1 they fail");
    for (why, tests) in reasons.iter() {
        let mut tests = tests.clone();
        tests.sort_unstable();
        text += &format!("\n  {why}: {}", tests.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_names_each_reason_with_its_tests() {
        let reasons = SmallMap::from_iter([
            ("no redis-server in PATH", vec!["b", "a::c"]),
            ("no /opt/kafka", vec!["d"]),
        ]);
        let expected = "skipped 3 tests; with SUMMON_REQUIRE=1 they fail\n  \
                        no /opt/kafka: d\n  no redis-server in PATH: a::c, b";
        assert_eq!(summary(&reasons), expected);
    }
}
