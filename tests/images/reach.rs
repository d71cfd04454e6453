//! A program in a container reaches the other processes of its set, by their placeholders.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use summon::{
    Coordinated, OutputCoordinatedExecutor, Process, SimpleExecutor, TcpCoordinatedExecutor,
    orchestrated, probe, summon,
};

use crate::engine::ACTOR;

/// A server of this machine.
const SERVER: &str = env!("CARGO_BIN_EXE_actor");

/// Lets the program in the container connect to an address, and returns the answer.
fn dial(from: &Process, addr: &str) -> String {
    let mut stream = TcpStream::connect(from.addr()).unwrap();
    let limit = Some(Duration::from_secs(30));
    stream.set_read_timeout(limit).unwrap();
    stream
        .write_all(format!("dial {addr}\nx\n").as_bytes())
        .unwrap();
    let mut answer = [0; 1];
    match stream.read_exact(&mut answer) {
        Ok(()) => String::from_utf8_lossy(&answer).into_owned(),
        Err(error) => error.to_string(),
    }
}

/// Returns the values of the variables that the program has printed.
fn printed(process: &Process, name: &str) -> String {
    let line = process
        .wait_for_output(&format!("^{name}="), "30s")
        .unwrap();
    line.split_once('=').unwrap().1.trim().to_owned()
}

#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
#[summon(
    bin = "actor",
    tcp = "listen 127.0.0.1:{port} listen 127.0.0.1:{port:admin}"
)]
#[summon(image = ACTOR, tcp = "listen {host}:{port}", port = 80)]
#[summon(
    image = ACTOR,
    tcp = "bridge {host}:{port} env NEAR env ADMIN env FAR env URL",
    port = 80,
    env("NEAR", "{near.host}:{near.port}"),
    env("ADMIN", "{near.host}:{near.port:admin}"),
    env("FAR", "{far.host}:{far.port}"),
    env("URL", "{far.url}")
)]
#[test]
fn is_by_placeholders(near: &Process, far: &Process, client: &Process) {
    assert_eq!(dial(client, &printed(client, "NEAR")), "1");
    assert_eq!(dial(client, &printed(client, "ADMIN")), "1");
    assert_eq!(dial(client, &printed(client, "FAR")), "1");
    let url = format!("http://{}/", printed(client, "FAR"));
    assert_eq!(printed(client, "URL"), url);
    // The second connection of each server, after a restart of the client and of a server.
    near.restart().unwrap();
    client.restart().unwrap();
    assert_eq!(dial(client, &printed(client, "NEAR")), "1");
    assert_eq!(dial(client, &printed(client, "FAR")), "2");
    far.stop().unwrap();
    assert_ne!(dial(client, &printed(client, "FAR")), "3");
}

/// Returns a program in a container that connects to the addresses that a test sends to it.
fn client() -> TcpCoordinatedExecutor {
    TcpCoordinatedExecutor::new("bridge {host}:{port}", "localhost", 80)
        .image(ACTOR)
        .named("client")
        .timeout("60s")
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn is_through_the_link_of_a_server() {
    let everywhere = [SERVER, "listen", "0.0.0.0:{port}"];
    let near = TcpCoordinatedExecutor::new(everywhere, "localhost", 0);
    let near = near.named("near").linked(true);
    let client = client().args(["env", "NEAR"]);
    let client = client.env("NEAR", "{near.host}:{near.port}");
    let scope = orchestrated((&near, &client)).unwrap();
    let addr = printed(&client, "NEAR");
    assert_eq!(dial(&client, &addr), "1");
    let link = near.link().unwrap();
    assert_eq!(link.connections().unwrap().accepted, 1);
    link.cut().unwrap();
    assert_ne!(dial(&client, &addr), "2");
    link.heal().unwrap();
    assert_eq!(dial(&client, &addr), "2");
    drop(scope);
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn is_in_files_and_in_commands_too() {
    let near = TcpCoordinatedExecutor::new([SERVER, "listen", "127.0.0.1:{port}"], "localhost", 0);
    let near = near.named("near");
    let script = "cat {dir}/conf; echo up; exec sleep 1000";
    let shell = OutputCoordinatedExecutor::new(["-c", script], "^up$")
        .image(ACTOR)
        .entrypoint("sh")
        .with_file("conf", "NEAR={near.port}\n");
    let scope = orchestrated((&near, &shell)).unwrap();
    let port = printed(&shell, "NEAR");
    assert_ne!(port, near.port().to_string());
    let said = shell.exec(["sh", "-c", "echo {near.port}"]).unwrap();
    assert_eq!(String::from_utf8(said).unwrap().trim(), port);
    drop(scope);
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn is_not_there_for_udp_and_without_a_network() {
    let udp = Coordinated::with(
        [SERVER, "udp", "127.0.0.1:{port}"],
        probe::udp("localhost", 0),
    );
    let udp = udp.named("near");
    let client = SimpleExecutor::new("say {near.port}").image(ACTOR);
    let error = orchestrated((&udp, &client)).unwrap_err().to_string();
    assert!(error.contains("`{near.port}` is a UDP port"), "{error}");
    let near = TcpCoordinatedExecutor::new([SERVER, "listen", "127.0.0.1:{port}"], "localhost", 0);
    let near = near.named("near");
    let client = SimpleExecutor::new("say {near.port}").image(ACTOR);
    let client = client.engine_args(["--network", "none"]);
    let error = orchestrated((&near, &client)).unwrap_err().to_string();
    assert!(
        error.contains("can't reach other processes: it has no network"),
        "{error}"
    );
    assert!(
        error.contains("\n  hint      remove `--network none`"),
        "{error}"
    );
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn needs_no_relay_in_the_network_of_the_machine() {
    let near = TcpCoordinatedExecutor::new([SERVER, "listen", "127.0.0.1:{port}"], "localhost", 0);
    let near = near.named("near");
    let client = OutputCoordinatedExecutor::new("shout {near.host}:{near.port} x say up", "^up$")
        .image(ACTOR)
        .args(["say", "at={near.host}:{near.port}"])
        .engine_args(["--network", "host"]);
    let scope = orchestrated((&near, &client)).unwrap();
    assert_eq!(printed(&client, "at"), near.addr().to_string());
    drop(scope);
}
