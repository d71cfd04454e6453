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

#[test]
fn an_allowance_is_tried_on_whole_lines() {
    // The output is searched in chunks of 256 KiB, and an edge lies within the allowed line.
    let server = echo().never("ERROR");
    server.start().unwrap();
    server.allows("^ERROR: no cheese$", || {
        let mut text = "x".repeat(99) + "\n";
        text = text.repeat(256 * 1024 / 100);
        text.truncate(256 * 1024 - 6);
        text += "\nERROR: no cheese\nall of it\n";
        server.write_stdin(text).unwrap();
        server.wait_for_output("^all of it$", "20s").unwrap();
        server.write_stdin("ERROR: ").unwrap();
        server.wait_for_output("^ERROR: ", "20s").unwrap();
    });
    // The end of the allowance lies within a line too.
    server.write_stdin("no cheese\ndone\n").unwrap();
    server.wait_for_output("^done$", "20s").unwrap();
    server.stop().unwrap();
}
