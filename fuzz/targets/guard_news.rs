//! Checks that an owner refuses news, or that writing and reading the news again gives the same
//! news.
#![no_main]

use libfuzzer_sys::fuzz_target;
use summon::fuzzing::guard;

fuzz_target!(|bytes: &[u8]| {
    if let Some(news) = guard::news(bytes) {
        assert!(news.len() <= 4 * bytes.len());
        assert_eq!(guard::news(&news).as_ref(), Some(&news));
    }
});
