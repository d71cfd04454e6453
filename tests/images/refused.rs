//! Options that an engine would take in another sense are errors before a container is made.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::time::Instant;

use summon::{Pull, SimpleExecutor};

use crate::apart;
use crate::engine::{ACTOR, containers, engine, script, shell, stem};
use crate::support::TempDir;

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

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn is_a_container_that_the_engine_never_makes() {
    if apart::is_here() {
        let began = Instant::now();
        let error = shell("echo up").timeout("2s").start().unwrap_err();
        println!("[{error} after {} s]", began.elapsed().as_secs());
        return;
    }
    let dir = TempDir::new();
    let hangs = "[ $1 != create ] || exec sleep 1000";
    let engine = script(&dir, stem(), &format!("{hangs}\nexec {} \"$@\"", engine()));
    let test = "refused::is_a_container_that_the_engine_never_makes";
    let ran = apart::run(test, &[("SUMMON_ENGINE", &engine)]);
    let said = apart::said(&ran);
    assert!(ran.status.success(), "{said}");
    let why = "the time-out passed before the engine had made its container";
    assert!(said.contains(why), "{said}");
    let (_, seconds) = said.rsplit_once(" after ").unwrap();
    let (seconds, _) = seconds.split_once(" s]").unwrap();
    // A command of the engine has 30 s.
    assert!(seconds.parse::<u64>().unwrap() < 30, "{said}");
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn is_a_word_that_an_engine_would_change() {
    let odd = || OsString::from_vec(b"odd\xff".into());
    for server in [
        shell("echo up").arg(odd()),
        shell("echo up").env("ODD", odd()),
        shell("echo up").engine_args(["--hostname".into(), odd()]),
        shell("echo up").before(["echo".into(), odd()]),
    ] {
        let error = server.start().unwrap_err().to_string();
        let why = "odd\u{fffd}` is not UTF-8, and an engine takes nothing else";
        assert!(error.contains(why), "{error}");
    }
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn is_an_image_for_another_processor() {
    let other = SimpleExecutor::new("x").image(ACTOR).pull(Pull::Never);
    let error = other.platform("linux/s390x").start().unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains(" for linux/s390x is not on this machine"),
        "{error}"
    );
    assert!(error.contains(" pull --platform=linux/s390x "), "{error}");
}
