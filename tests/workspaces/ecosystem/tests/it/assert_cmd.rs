//! `assert_cmd`: a client of the package, run against a server.

use crate::support::serves;

use assert_cmd::cargo::cargo_bin_cmd;
use summon::{Process, summon};

#[summon(bin = "echo", tcp = "--port {port}")]
#[test]
fn answers(echo: &Process) {
    let mut client = cargo_bin_cmd!("ask");
    client.args([&echo.addr().to_string(), "hello"]);
    client.assert().success().stdout("hello\n");
}

#[summon(bin = "echo", tcp = "--port {port}")]
#[test]
fn is_refused_by_a_server_that_is_stopped(echo: &Process) {
    serves(echo);
    let mut client = cargo_bin_cmd!("ask");
    client.args([&echo.addr().to_string(), "hello"]);
    echo.stopped(|| {
        client.assert().failure().stdout("");
    })
    .unwrap();
    client.assert().success();
}
