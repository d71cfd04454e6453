//! Options that an engine would take in another sense are errors before a container is made.

use summon::SimpleExecutor;

use crate::engine::{ACTOR, containers, shell};

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn is_a_mount_of_what_is_not_there() {
    let missing = "/no/such/directory";
    for (outside, why) in [
        ("data", "the path `data` of a `mount` is not absolute"),
        (
            missing,
            "the path `/no/such/directory` of a `mount` does not exist",
        ),
        ("/tmp:/x", "the path `/tmp:/x` of a `mount` has a `:`"),
        ("{dir}/x", "/x` of a `mount` does not exist"),
    ] {
        let server = shell("echo up; exec sleep 1000").mount(outside, "/data");
        let error = server.start().unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        assert!(error.contains("\n  hint      "), "{error}");
    }
    // Docker makes a missing directory.
    assert!(!std::path::Path::new(missing).exists());
    let inside = shell("").mount("/tmp", "data").start().unwrap_err();
    assert!(
        inside
            .to_string()
            .contains("in the container is not absolute"),
        "{inside}"
    );
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn is_an_argument_that_would_lose_the_container() {
    let name = format!("lost-{}", std::process::id());
    for args in [
        ["--name", &*name],
        ["--label", "summon.owner=1"],
        ["-it", "--init"],
    ] {
        let error = SimpleExecutor::new("x")
            .image(ACTOR)
            .engine_args(args)
            .start();
        let error = error.unwrap_err().to_string();
        let why = format!("`engine_args` may not have `{}`", args[0]);
        assert!(error.contains(&why), "{error}");
    }
    assert_eq!(containers(&format!("name={name}")), "");
    let fine = shell("echo up; exec sleep 1000").engine_args(["--label", "team=a", "-e", "X=1"]);
    fine.start().unwrap();
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn is_an_entry_point_with_arguments() {
    let error = SimpleExecutor::new("x")
        .image(ACTOR)
        .entrypoint("sh -c")
        .start();
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("`entrypoint` is one program, and `sh -c` has a space"),
        "{error}"
    );
}
