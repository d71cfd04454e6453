//! summon keeps the order of a container's output. Docker keeps it only for each stream, and tells the two
//! apart in pieces that may end within a line.

use summon::OutputCoordinatedExecutor;

use crate::engine::{ACTOR, is_podman};

/// The number of lines of each stream.
const LINES: usize = 3000;

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn is_complete_and_in_order() {
    let script = format!(
        "i=0; while [ $i -lt {LINES} ]; do echo out $i; echo err $i >&2; i=$((i+1)); done; \
         echo up; exec sleep 1000"
    );
    let server = OutputCoordinatedExecutor::new(["-c", &script], "^up$")
        .image(ACTOR)
        .entrypoint("sh")
        .split_output(!is_podman());
    server.start().unwrap();
    // The last line of the other stream may come later.
    server
        .wait_for_output(&format!("^err {}$", LINES - 1), "30s")
        .unwrap();
    let numbers = |format: fn(usize) -> String| -> String { (0..LINES).map(format).collect() };
    if is_podman() {
        let lines = numbers(|it| format!("out {it}\nerr {it}\n")) + "up\n";
        assert!(server.output() == lines.as_bytes(), "the lines are mixed");
        return;
    }
    let out = numbers(|it| format!("out {it}\n")) + "up\n";
    let err = numbers(|it| format!("err {it}\n"));
    assert!(server.stdout() == out.as_bytes(), "stdout is not in order");
    assert!(server.stderr() == err.as_bytes(), "stderr is not in order");
}
