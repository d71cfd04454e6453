//! An allowance ends with its drop, also if it meets a launch.

use std::thread;

use super::echo;

/// More threads than processors, so that many stop between two steps of an allowance, and a launch
/// comes there.
#[test]
fn an_allowance_that_meets_a_launch_ends_with_its_drop() {
    for round in 0..40 {
        let server = echo().never("ERROR");
        thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    while !server.is_running() {
                        drop(server.allowing("ERROR"));
                    }
                });
            }
            server.start().unwrap();
        });
        server.write_stdin("ERROR\nall of it\n").unwrap();
        server.wait_for_output("^all of it$", "30s").unwrap();
        assert!(server.stop().is_err(), "round {round}");
    }
}
