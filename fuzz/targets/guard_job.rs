//! Checks that a guard refuses a job, or that writing and reading the job again gives the same job.
#![no_main]

use libfuzzer_sys::fuzz_target;
use summon::fuzzing::guard;

fuzz_target!(|bytes: &[u8]| {
    if let Some(job) = guard::job(bytes) {
        assert!(job.len() <= 4 * bytes.len());
        assert_eq!(guard::job(&job).as_ref(), Some(&job));
    }
});
