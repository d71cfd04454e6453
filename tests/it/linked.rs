//! A server and a link to it, for tests of links.

use std::cell::RefCell;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use summon::{Link, TcpCoordinatedExecutor};

use crate::support::{Life, eventually};

/// How long a test waits for bytes that should come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// How long a test waits for bytes that should not come. If this is too short, a test may pass that
/// should fail, and none fails that should pass.
pub(crate) const SILENCE: Duration = Duration::from_millis(50);

/// A server in this process, and a link to it.
pub(crate) struct Linked {
    pub(crate) listener: TcpListener,
    pub(crate) link: Link,
    server: TcpCoordinatedExecutor,
}

impl Linked {
    pub(crate) fn new() -> Linked {
        Linked::named("no-such-program")
    }

    /// A server with a name that no other server on this machine has. The title of the link's process has
    /// the name, too.
    pub(crate) fn unique() -> Linked {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Linked::named(&format!("link-{}-{count}", std::process::id()))
    }

    fn named(name: &str) -> Linked {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = TcpCoordinatedExecutor::new("no-such-program", "127.0.0.1", port).reuse(true);
        let server = server.named(name);
        server.start().unwrap();
        let link = server.link().unwrap();
        Linked {
            listener,
            link,
            server,
        }
    }

    /// Returns the process of the link.
    pub(crate) fn process(&self) -> Life {
        link_process(self.server.name()).expect("a process")
    }

    /// Connects through the link. Returns the client's end and the server's.
    pub(crate) fn connect(&self) -> (TcpStream, TcpStream) {
        let client = TcpStream::connect(self.link.addr()).unwrap();
        self.accept(client)
    }

    /// Accepts the next connection.
    pub(crate) fn accepted(&self) -> TcpStream {
        let accepted = RefCell::new(None);
        self.listener.set_nonblocking(true).unwrap();
        eventually("a connection through the link", || {
            *accepted.borrow_mut() = self.listener.accept().ok();
            accepted.borrow().is_some()
        });
        let (server, _) = accepted.take().unwrap();
        server.set_nonblocking(false).unwrap();
        server.set_read_timeout(Some(PATIENCE)).unwrap();
        server
    }

    /// Accepts the connection of a client through the link.
    pub(crate) fn accept(&self, mut client: TcpStream) -> (TcpStream, TcpStream) {
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.write_all(b"!").unwrap();
        loop {
            // The start has made connections that end without a byte.
            let mut server = self.accepted();
            let mut first = [0];
            if server.read(&mut first).is_ok_and(|read| read == 1) {
                assert_eq!(&first, b"!");
                return (client, server);
            }
        }
    }
}

/// Returns the process of the link to the server with this name.
pub(crate) fn link_process(name: &str) -> Option<Life> {
    let entries = std::fs::read_dir("/proc").unwrap();
    let pids = entries.filter_map(|it| it.unwrap().file_name().to_str()?.parse().ok());
    let title = format!("summon-link: {name}");
    pids.filter_map(Life::of).find(|life| life.what == title)
}

/// Kills a process.
pub(crate) fn kill(life: &Life) {
    let killed = Command::new("kill")
        .args(["-KILL", &life.pid.to_string()])
        .status();
    assert!(killed.unwrap().success());
    eventually("the end of the process", || !life.goes_on());
}

pub(crate) fn says(stream: &mut TcpStream, expected: &[u8]) {
    let mut found = vec![0; expected.len()];
    stream.read_exact(&mut found).unwrap();
    assert_eq!(found, expected);
}

/// Whether nothing arrives for a while.
pub(crate) fn is_silent(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    let read = stream.read(&mut [0]);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

pub(crate) fn is_reset(stream: &mut TcpStream) -> bool {
    let read = stream.read(&mut [0]);
    read.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
}

pub(crate) fn ends(stream: &mut TcpStream) -> bool {
    stream.read(&mut [0]).is_ok_and(|read| read == 0)
}

/// Numbers without a pattern.
pub(crate) fn noise(length: usize, mut seed: u64) -> Vec<u8> {
    let mut next = || {
        seed = seed
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (seed >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Whether an HTTP server answers there.
pub(crate) fn answers(link: &Link) -> bool {
    let mut client = TcpStream::connect(link.addr()).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let asked = client.write_all(b"GET / HTTP/1.0\r\n\r\n");
    asked.is_ok() && client.read(&mut [0]).is_ok_and(|read| read > 0)
}
