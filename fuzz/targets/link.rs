//! Checks that a link changes, reorders, and loses no byte, and that connections end as their other half
//! does. Only cuts and dropped connections lose bytes at the end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use summon::fuzzing::guard;

fuzz_target!(|script: &[u8]| guard::link(script));
