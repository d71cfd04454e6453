//! Checks that the answer of a MariaDB means the same in pieces of any length, or is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use summon::fuzzing::guard;

fuzz_target!(|bytes: &[u8]| {
    let whole = guard::mariadb([bytes]);
    for piece in [1, 7] {
        assert_eq!(guard::mariadb(bytes.chunks(piece)), whole);
    }
});
