//! Test processes with a container, which end in some way.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use crate::engine::{ACTOR, containers};
use crate::support::{Group, Life, hear_int};

/// A program that plays a test process with an image.
const PROGRAM: &str = env!("CARGO_BIN_EXE_owner_image");
/// The variable that marks all processes of an owner: its warden, its guards, its relays, and the engine's
/// clients have it too.
pub(crate) const MARK: &str = "SUMMON_TEST_MARK";

/// A script whose server has a relay to another process.
pub(crate) const RELAYED: &str =
    "trap 'exit 0' TERM; NEAR={near.host}:{near.port}; actor listen 0.0.0.0:80 & wait";

/// Returns a test process that runs this script in a container.
pub(crate) fn owner(script: &str, ending: &str) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args([ACTOR, script, ending]);
    piped(&mut command);
    command
}

/// Returns a test process like `owner` below a program that is called cargo.
pub(crate) fn owner_below(cargo: &str, script: &str, ending: &str) -> Command {
    let mut command = Command::new(cargo);
    // Without a command after it, a shell would become the program.
    command.args(["-c", "\"$0\" \"$@\"; exit $?"]);
    command.args([PROGRAM, ACTOR, script, ending]);
    piped(&mut command);
    command
}

fn piped(command: &mut Command) {
    hear_int(command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.stderr(Stdio::piped());
}

/// Waits until the container serves. Returns the pid of the test process, and the port.
pub(crate) fn until_ready(owner: &mut Group) -> (u32, u16) {
    let stdout = BufReader::new(owner.stdout.take().unwrap());
    let lines = stdout.lines().map_while(Result::ok);
    let lines: Vec<String> = lines.take(2).collect();
    let [first, ready] = &lines[..] else {
        let mut said = String::new();
        let mut stderr = owner.stderr.take().unwrap();
        stderr.read_to_string(&mut said).unwrap();
        panic!("the container never got ready: {said}");
    };
    assert_eq!(ready, "ready");
    let (pid, port) = first.split_once(' ').unwrap();
    (pid.parse().unwrap(), port.parse().unwrap())
}

/// Returns the containers of a test process.
pub(crate) fn containers_of(owner: u32) -> String {
    containers(&format!("label=summon.owner={owner}"))
}

/// Returns the processes with this mark.
pub(crate) fn marked(mark: &str) -> Vec<u32> {
    let mark = format!("{MARK}={mark}\0");
    let is_marked = |pid: &u32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let mut parts = environment.windows(mark.len());
        parts.any(|part| part == mark.as_bytes())
    };
    processes().filter(is_marked).collect()
}

/// Returns the processes of this machine.
pub(crate) fn processes() -> impl Iterator<Item = u32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes.filter_map(|it| it.file_name().to_str()?.parse().ok())
}

/// Finds a process with this mark by the begin of its title.
pub(crate) fn find(mark: &str, title: &str) -> Life {
    let mut processes = marked(mark).into_iter().filter_map(Life::of);
    let found = processes.find(|life| life.what.starts_with(title));
    found.unwrap_or_else(|| panic!("no process `{title}`"))
}

/// Kills these processes by one command, so that none can clean up after another.
pub(crate) fn kill_all(pids: &[u32]) {
    let pids = pids.iter().map(u32::to_string);
    let sent = Command::new("kill").arg("-KILL").args(pids).status();
    assert!(sent.unwrap().success());
}
