//! A fixture and a test that want the same fixed port.

mod common;

use common::FIXED;

#[test]
fn is_told_at_once() {
    assert!(FIXED.is_running());
    let port = FIXED.port();
    let server = summon::TcpCoordinatedExecutor::new("sleep 100", "localhost", port).named("mine");
    let error = std::thread::scope(|threads| threads.spawn(|| server.start()).join().unwrap());
    let error = error.unwrap_err().to_string();
    let expected = format!("mine could not be started: the fixture FIXED holds port {port} to the end");
    assert!(error.starts_with(&expected), "{error}");
}
