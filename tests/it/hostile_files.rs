//! Programs that do anything to their files and their output: summon reads the output, and removes the files.

use summon::OutputCoordinatedExecutor;

use crate::support::{TempDir, actor, log_of};

#[test]
fn that_remove_their_own_directory() {
    let script = actor(["remove", "{dir}", "say", "up"]);
    let server = OutputCoordinatedExecutor::new(script, "up");
    server.start().unwrap();
    assert!(!server.dir().exists());
    server.restart().unwrap();
    server.stop().unwrap();
}

#[test]
fn that_replace_their_log_by_a_link() {
    let dir = TempDir::new();
    let victim = dir.file("victim");
    std::fs::write(&victim, "precious\n").unwrap();
    let log = "{dir}/../hostile_files-that_replace_their_log_by_a_link.server.log";
    let script = actor([
        "say", "before", "link", log, &victim, "say", "after", "await", "{dir}/go", "exit", "1",
    ]);
    let server = OutputCoordinatedExecutor::new(script, "^after$").named("server");
    server.start().unwrap();
    let named = log_of(&server).symlink_metadata().unwrap();
    assert!(named.is_symlink());
    assert_eq!(server.output(), b"before\nafter\n");
    let error = server.wait_for_output("never", "1ms").unwrap_err();
    // An error showed the log, so the log stays. The file of the victim must not change.
    let log = error
        .to_string()
        .lines()
        .find_map(|line| Some(line.split_once("lines, ")?.1.to_owned()));
    let log = log.unwrap();
    server.stop().unwrap();
    drop((server, error));
    assert_eq!(std::fs::read(&log).unwrap(), b"before\nafter\n");
    assert_eq!(std::fs::read(&victim).unwrap(), b"precious\n");
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(
        std::fs::metadata(&victim).unwrap().permissions().mode() & 0o7000,
        0
    );
    std::fs::remove_file(log).unwrap();
}

#[test]
fn that_truncate_what_they_write_to() {
    let script = "echo one; echo two > /dev/stdout; : > /dev/stdout; echo three; exec sleep 1000";
    let server = OutputCoordinatedExecutor::new(script, "three").shell(true);
    server.start().unwrap();
    assert_eq!(server.output(), b"one\ntwo\nthree\n");
}

#[test]
fn that_write_a_line_of_a_hundred_megabytes() {
    let script = actor(["long-line", "100000000", "say", "", "say", "ready"]);
    let server = OutputCoordinatedExecutor::new(script, "^ready$")
        .timeout("60s")
        .log_limit("10MB");
    server.start().unwrap();
    assert!(server.output().len() < 20_000_000);
}

#[test]
fn that_write_a_gigabyte() {
    let script = actor(["flood", "1000000000", "say", "ready"]);
    let server = OutputCoordinatedExecutor::new(script, "^ready$")
        .timeout("120s")
        .log_limit("1MB");
    server.start().unwrap();
    let output = server.output();
    assert!(output.ends_with(b"\nready\n") && output.len() < 2_000_000);
}

#[test]
fn whose_mark_of_a_server_is_a_pipe() {
    // A read would never return: no process ever closes the other end.
    let script = "mkdir data; mkfifo postmaster.pid data/postmaster.pid; echo up; exec sleep 1000";
    let server = OutputCoordinatedExecutor::new(script, "up")
        .shell(true)
        .current_dir("{dir}");
    server.start().unwrap();
    let dir = server.dir().to_owned();
    drop(server);
    assert!(!dir.exists());
}

#[test]
fn whose_files_are_sockets_pipes_and_loops() {
    let script = "mkfifo pipe; ln -s loop loop; mkdir -p a/b; chmod 0 a; echo up; exec sleep 1000";
    let server = OutputCoordinatedExecutor::new(script, "up")
        .shell(true)
        .current_dir("{dir}");
    server.start().unwrap();
    let dir = server.dir().to_owned();
    server.stop().unwrap();
    drop(server);
    assert!(!dir.exists());
}
