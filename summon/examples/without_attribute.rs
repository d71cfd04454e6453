//! Starts two programs that depend on each other, breaks one of them, and stops both.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use summon::{Error, OutputCoordinatedExecutor, Stdin, TcpCoordinatedExecutor, orchestrated};

/// Answers each connection with a line. Python is on most machines.
const SERVER: &str = "
import socket, sys
server = socket.create_server(('127.0.0.1', int(sys.argv[1])))
while True:
    client, _ = server.accept()
    client.recv(16)
    client.sendall(b'hello\\n')
    client.close()
";

fn main() -> Result<(), Error> {
    let server = TcpCoordinatedExecutor::new(["python3", "-c", SERVER, "{port}"], "127.0.0.1", 0)
        .named("server")
        .timeout("20s");
    let worker = OutputCoordinatedExecutor::new("echo working; exec cat", "^working$")
        .shell(true)
        .stdin(Stdin::piped())
        .named("worker")
        .env("SERVER", "{server.host}:{server.port}");

    // The server is ready before the worker starts.
    let scope = orchestrated((&server, &worker))?;
    println!("{} is at {}", server.name(), server.addr());
    println!("it says {:?}", greeting(&server));

    // The worker answers on its standard output.
    worker.write_stdin("one\n")?;
    worker.wait_for_output("^one$", "5s")?;

    // Nothing listens while the server is stopped. Then it is back on the same port.
    let refused = server.stopped(|| TcpStream::connect(server.addr()).is_err())?;
    println!("stopped, it refuses connections: {refused}");
    println!("again it says {:?}", greeting(&server));

    drop(scope);
    println!(
        "both have ended: {}",
        !server.is_running() && !worker.is_running()
    );
    Ok(())
}

fn greeting(server: &TcpCoordinatedExecutor) -> std::io::Result<String> {
    let mut connection = TcpStream::connect(server.addr())?;
    connection.write_all(b"hi\n")?;
    let mut line = String::new();
    connection.read_to_string(&mut line)?;
    Ok(line)
}
