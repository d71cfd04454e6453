//! Tests of this package's programs.

use std::io::Read;

use summon::{Fixture, Process, summon};

#[summon(bin = "own-server", tcp = "--listen 127.0.0.1:{port}")]
#[test]
fn a_binary(server: &Process) {
    let mut answer = String::new();
    let mut stream = std::net::TcpStream::connect(server.addr()).unwrap();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "own");
    assert_eq!(server.name(), "server");
    // In an unpacked archive, the program from the archive must run.
    if let Ok(place) = std::env::var("PLACE") {
        let program = std::fs::read_link(format!("/proc/{}/exe", server.id().unwrap())).unwrap();
        assert!(program.starts_with(&place), "{program:?}");
    }
    let pid = server.id().unwrap().to_string();
    server.stop().unwrap();
    if let Ok(profile) = std::env::var("LLVM_PROFILE_FILE") {
        let written = std::fs::metadata(profile.replace("%p", &pid));
        assert!(written.unwrap().len() > 0);
    }
    // The server got the signal, and ended on its own.
    assert!(server.output().ends_with(b"farewell\n"));
}

#[summon(example = "helper", output = ["{dir}/with blank"], banner = r#"helps with Some\(".*/with blank"\)"#)]
#[test]
fn an_example(helper: &Process) {
    assert!(helper.is_running());
}

#[summon::fixture(bin = "own-server", tcp = "--listen 127.0.0.1:{port}")]
static SERVER: Fixture;

#[test]
fn a_fixture() {
    assert!(SERVER.is_running());
    assert_eq!(SERVER.name(), "SERVER");
}

#[summon(bin = "own-server", tcp = "--listen {other.host}:{port}", after = "other")]
#[summon(example = "helper", output = "", banner = "helps with None", name = "other")]
#[test]
fn without_parameters() {}
