//! summon keeps the order of a container's output. Docker keeps it only for each stream.

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
        .entrypoint("sh");
    server.start().unwrap();
    // The last line of the other stream may come later.
    server
        .wait_for_output(&format!("^err {}$", LINES - 1), "30s")
        .unwrap();
    let output = String::from_utf8(server.output()).unwrap();
    let of = |stream: &str| -> Vec<&str> {
        let lines = output.lines();
        lines.filter(|line| line.starts_with(stream)).collect()
    };
    for stream in ["out", "err"] {
        let wanted: Vec<String> = (0..LINES).map(|it| format!("{stream} {it}")).collect();
        assert!(of(stream) == wanted, "{stream} is not in order");
    }
    if is_podman() {
        let both = (0..LINES).flat_map(|it| [format!("out {it}"), format!("err {it}")]);
        let wanted: Vec<String> = both.chain(["up".to_owned()]).collect();
        assert!(output.lines().eq(wanted), "the streams are not in order");
    }
}
