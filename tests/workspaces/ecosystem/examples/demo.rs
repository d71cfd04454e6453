//! `cargo run --example demo`: an async `main` with a server. It asks the server a question, and
//! then waits until another process ends it.

use summon::{Process, summon};
use summon_ecosystem::built;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[summon(tcp = [&*built("echo"), "--port", "{port}"])]
#[tokio::main]
async fn main(echo: &Process) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(echo.addr()).await?;
    stream.write_all(b"hello\n").await?;
    let mut answer = [0; 6];
    stream.read_exact(&mut answer).await?;
    assert_eq!(&answer, b"hello\n");
    println!("process {} has answered", echo.id().expect("it runs"));
    std::future::pending().await
}
