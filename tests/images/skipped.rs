//! `missing = "skip"` skips a test whose engine or image is not there.

use std::ffi::OsStr;

use summon::{Process, summon};

use crate::apart;

#[summon(
    image = "summon-test/no-such-image:1",
    simple,
    pull = "never",
    missing = "skip",
    name = "skippable"
)]
fn needs_an_absent_image(_it: &Process) {
    println!("it ran");
}

/// Runs the function above in a separate process, and returns its output.
fn run(env: &[(&str, &dyn AsRef<OsStr>)]) -> (bool, String) {
    let output = apart::run("skipped::without_its_engine_or_image", env);
    (output.status.success(), apart::said(&output))
}

#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
#[test]
fn without_its_engine_or_image() {
    if apart::is_here() {
        return needs_an_absent_image();
    }
    let (passes, said) = run(&[]);
    assert!(passes, "{said}");
    let line = "SKIPPED: no image summon-test/no-such-image:1";
    assert!(said.contains(line), "{said}");
    let no_engine: (&str, &dyn AsRef<OsStr>) = ("SUMMON_ENGINE", &"/no/such/engine");
    let (passes, said) = run(&[no_engine]);
    assert!(passes, "{said}");
    assert!(said.contains("SKIPPED: no /no/such/engine"), "{said}");
    for (name, value) in [("SUMMON_REQUIRE", "1"), ("CI", "true")] {
        let required: (&str, &dyn AsRef<OsStr>) = (name, &value);
        let (passes, said) = run(&[required]);
        assert!(!passes, "{said}");
        let why = "the image `summon-test/no-such-image:1` is not on this machine";
        assert!(said.contains(why), "{said}");
        let (passes, said) = run(&[required, no_engine]);
        assert!(!passes, "{said}");
        assert!(
            said.contains("no container engine: SUMMON_ENGINE is set, and"),
            "{said}"
        );
    }
}
