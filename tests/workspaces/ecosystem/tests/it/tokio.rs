//! `#[tokio::test]`, in both flavours. It keeps the other attributes unchanged, so any order works.

use crate::support::serves;

use summon::TcpCoordinatedExecutor;
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

/// A setup runs on a thread of its own. So it builds a runtime even if the first test is in one.
#[tokio::main(flavor = "current_thread")]
async fn greet(echo: &Process) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(echo.addr()).await?;
    stream.write_all(b"a greeting\n").await
}

#[tokio::test]
async fn is_greeted_first() {
    let line = GREETED.wait_for_output("a greeting", "10s").unwrap();
    assert_eq!(line, "a greeting");
}

#[summon::fixture(bin = "echo", tcp = "--port {port}", setup = greet_typed, block_on = in_a_runtime)]
static TYPED: Fixture<TcpCoordinatedExecutor>;

async fn greet_typed(echo: &TcpCoordinatedExecutor) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(echo.addr()).await?;
    stream.write_all(b"a second greeting\n").await
}

fn in_a_runtime<F: Future>(future: F) -> F::Output {
    tokio::runtime::Runtime::new().unwrap().block_on(future)
}

#[summon(fixture = TYPED)]
#[summon(bin = "echo", tcp = "--port {port}", setup = greet_typed_too, block_on = in_a_runtime)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn is_greeted_by_an_async_function(typed: &TcpCoordinatedExecutor, own: &Process) {
    typed.wait_for_output("a second greeting", "10s").unwrap();
    own.wait_for_output("a third greeting", "10s").unwrap();
}

async fn greet_typed_too(echo: &Process) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(echo.addr()).await?;
    stream.write_all(b"a third greeting\n").await
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
