//! `#[tokio::test]`, in both flavours. It keeps the other attributes unchanged, so any order works.

use crate::support::serves;

use summon::{Fixture, Process, summon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[summon(bin = "echo", tcp = "--port {port}")]
#[tokio::test]
async fn answers(echo: &Process) {
    let mut stream = TcpStream::connect(echo.addr()).await.unwrap();
    stream.write_all(b"hello\n").await.unwrap();
    let mut answer = [0; 6];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"hello\n");
}

#[summon::fixture(bin = "echo", tcp = "--port {port}", setup = greet)]
static GREETED: Fixture;

/// The setup runs on the thread of the first user, which may already be in a runtime.
fn greet(echo: &Process) -> std::io::Result<()> {
    let greet = async {
        let mut stream = TcpStream::connect(echo.addr()).await?;
        stream.write_all(b"a greeting\n").await
    };
    std::thread::scope(|threads| {
        let other = threads.spawn(|| tokio::runtime::Runtime::new()?.block_on(greet));
        other.join().expect("it does not panic")
    })
}

#[tokio::test]
async fn is_greeted_first() {
    let line = GREETED.wait_for_output("a greeting", "10s").unwrap();
    assert_eq!(line, "a greeting");
}

#[summon(bin = "echo", tcp = "--port {port}")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_on_threads(echo: &Process) -> std::io::Result<()> {
    let addr = echo.addr();
    let clients = (0..4).map(|_| tokio::spawn(TcpStream::connect(addr)));
    for client in clients.collect::<Vec<_>>() {
        client.await??.write_all(b"hello\n").await?;
    }
    serves(echo);
    Ok(())
}

#[tokio::test]
#[summon(bin = "echo", tcp = "--port {port}")]
async fn below(echo: &Process) {
    tokio::task::yield_now().await;
    serves(echo);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[summon(bin = "echo", tcp = "--port {port}")]
async fn below_on_threads(echo: &Process) {
    tokio::task::yield_now().await;
    serves(echo);
}
