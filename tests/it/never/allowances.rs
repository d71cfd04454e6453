//! An allowance ends with its drop, also if it meets a launch.

use super::echo;

#[test]
fn an_allowance_that_meets_a_launch_ends_with_its_drop() {
    for round in 0..100 {
        let server = echo().never("ERROR");
        std::thread::scope(|threads| {
            threads.spawn(|| server.start().unwrap());
            while !server.is_running() {
                drop(server.allowing("ERROR"));
            }
        });
        server.write_stdin("ERROR\nall of it\n").unwrap();
        server.wait_for_output("^all of it$", "30s").unwrap();
        assert!(server.stop().is_err(), "round {round}");
    }
}
