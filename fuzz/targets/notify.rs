//! Checks that each line of a service's message counts separately, in order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use summon::fuzzing::guard;

fuzz_target!(|message: &[u8]| {
    let said = guard::notices([message]);
    let (status, news) = &said;
    assert!(status.chars().count() <= 500);
    let lines = message.split(|byte| *byte == b'\n');
    assert_eq!(guard::notices(lines), said);
    // The owner reads the same news.
    assert_eq!(guard::news(news).as_ref(), Some(news));
});
