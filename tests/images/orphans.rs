//! A run removes the containers that an earlier run had to leave, and no others.

use crate::engine::{ACTOR, ask, containers};
use crate::support::eventually;
use summon::TcpCoordinatedExecutor;

/// Creates a container as summon does for the process with this pid, and returns its name.
fn created(name: &str, owner: u32, boot: &str) -> String {
    let name = format!("orphans-{}-{name}", std::process::id());
    let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap();
    let labels = [
        format!("summon.boot={boot}"),
        format!("summon.namespace={}", namespace.display()),
        format!("summon.owner={owner}"),
        "summon.identity=1".to_owned(),
        "summon.session=/no/such/session".to_owned(),
    ];
    let labels = labels.iter().flat_map(|label| ["--label", label]);
    let args: Vec<&str> = ["create", "--name", &name]
        .into_iter()
        .chain(labels)
        .collect();
    ask(&[&args, &[ACTOR] as &[&str]].concat());
    name
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn are_removed_by_the_next_process() {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    // No process has this pid: it is the kernel's.
    let orphan = created("orphan", 0, boot.trim());
    let of_another_machine = created("foreign", 0, "another-boot");
    // summon removes orphans once in a process, so this test runs itself in a new process.
    if std::env::var_os("SUMMON_TEST_ORPHANS").is_none() {
        let this = std::env::current_exe().unwrap();
        let test = "orphans::are_removed_by_the_next_process";
        let mut own = std::process::Command::new(this);
        own.args(["--exact", test]).env("SUMMON_TEST_ORPHANS", "1");
        let ran = own.output().unwrap();
        ask(&["rm", "-f", &of_another_machine]);
        assert!(ran.status.success(), "{ran:?}");
        assert_eq!(containers(&format!("name={orphan}")), "");
        return;
    }
    let server = TcpCoordinatedExecutor::new("listen 0.0.0.0:80", "localhost", 80).image(ACTOR);
    server.start().unwrap();
    eventually("the orphan is removed", || {
        containers(&format!("name={orphan}")).is_empty()
    });
    assert_ne!(containers(&format!("name={of_another_machine}")), "");
    ask(&["rm", "-f", &of_another_machine]);
}
