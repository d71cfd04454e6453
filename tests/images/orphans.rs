//! A run removes the containers that an earlier run had to leave, and no others.

use std::process::Command;

use crate::engine::{ACTOR, answer, ask, containers};
use crate::support::eventually;
use summon::TcpCoordinatedExecutor;

/// Creates a container as summon does for a process that has ended, and returns its name.
fn created(name: &str, machine: &str, boot: &str) -> String {
    let name = format!("orphans-{}-{name}", std::process::id());
    let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap();
    let labels = [
        format!("summon.machine={machine}"),
        format!("summon.boot={boot}"),
        format!("summon.namespace={}", namespace.display()),
        // No process has this pid: it is the kernel's.
        "summon.owner=0".to_owned(),
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
    // summon removes orphans once in a process, so this test runs itself in a new process.
    if std::env::var_os("SUMMON_TEST_ORPHANS").is_none() {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        let machine = machine();
        let orphan = created("orphan", &machine, boot.trim());
        let of_earlier_boot = created("earlier", &machine, "another-boot");
        let of_another_machine = created("foreign", "another-machine", "another-boot");
        let this = std::env::current_exe().unwrap();
        let test = "orphans::are_removed_by_the_next_process";
        let mut own = Command::new(this);
        own.args(["--exact", test]).env("SUMMON_TEST_ORPHANS", "1");
        let ran = own.output().unwrap();
        let stays = containers(&format!("name={of_another_machine}"));
        ask(&["rm", "-f", &of_another_machine]);
        assert!(ran.status.success(), "{ran:?}");
        assert_ne!(stays, "");
        for gone in [orphan, of_earlier_boot] {
            assert_eq!(containers(&format!("name={gone}")), "");
        }
        return;
    }
    let server = TcpCoordinatedExecutor::new("listen 0.0.0.0:80", "localhost", 80).image(ACTOR);
    server.start().unwrap();
    let parent = std::os::unix::process::parent_id();
    for name in ["orphan", "earlier"] {
        let name = format!("name=orphans-{parent}-{name}");
        eventually("the orphan is removed", || containers(&name).is_empty());
    }
}

/// Returns the label that summon gives to the containers of this machine.
fn machine() -> String {
    let server = TcpCoordinatedExecutor::new("listen 0.0.0.0:80", "localhost", 80).image(ACTOR);
    let server = server.named("labelled");
    server.start().unwrap();
    let filter = format!("label=summon.owner={}", std::process::id());
    let listed = containers(&filter);
    let mut names = listed.lines().filter_map(|line| line.split(' ').next());
    let name = names.find(|it| it.contains("-labelled-")).unwrap();
    let format = "{{index .Config.Labels \"summon.machine\"}}";
    let label = answer(&["container", "inspect", "--format", format, name]);
    label.trim().to_owned()
}
