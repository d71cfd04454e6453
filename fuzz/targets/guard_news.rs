//! What a guard tells is understood, or refused, and understood again when it is written again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use summon::fuzzing::guard;

fuzz_target!(|bytes: &[u8]| {
    if let Some(news) = guard::news(bytes) {
        assert!(news.len() <= 4 * bytes.len());
        assert_eq!(guard::news(&news).as_ref(), Some(&news));
    }
});
