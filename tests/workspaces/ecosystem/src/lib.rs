//! A package as a user of summon may have it: a server, its clients, and tests of all kinds.
//!
//! A doctest may start a service for its `main`,
//!
//! ```
//! use summon::{Process, summon};
//!
//! #[summon(output = "sh -c 'echo up; exec sleep 100'", banner = "^up$")]
//! fn main(server: &Process) {
//!     assert!(server.is_running());
//! }
//! ```
//!
//! or for a part of the test:
//!
//! ```
//! use summon::{SimpleExecutor, orchestrated};
//!
//! let server = SimpleExecutor::new("sleep 100");
//! let scope = orchestrated([&server])?;
//! assert!(server.is_running());
//! drop(scope);
//! assert!(!server.is_running());
//! # Ok::<(), summon::Error>(())
//! ```

use std::io::{BufRead, BufReader, Result, Write};
use std::net::{SocketAddr, TcpStream};

/// A connection to an echo server.
#[derive(Debug)]
pub struct Client(BufReader<TcpStream>);

impl Client {
    /// Connects to a server.
    ///
    /// # Errors
    ///
    /// Fails if no server listens there.
    pub fn connect(server: SocketAddr) -> Result<Client> {
        Ok(Client(BufReader::new(TcpStream::connect(server)?)))
    }

    /// Sends a line, and returns the answer.
    ///
    /// # Errors
    ///
    /// Fails if the connection is lost.
    pub fn ask(&mut self, line: &str) -> Result<String> {
        let line = format!("{line}\n");
        self.0.get_mut().write_all(line.as_bytes())?;
        let mut answer = String::new();
        self.0.read_line(&mut answer)?;
        Ok(answer.trim_end_matches('\n').to_owned())
    }
}

/// Connects to a server, sends a line, and returns the answer.
///
/// # Errors
///
/// Fails if no server listens there, or if the connection is lost.
pub fn ask(server: SocketAddr, line: &str) -> Result<String> {
    Client::connect(server)?.ask(line)
}

/// Returns the path of a program of this package, for code that gets no path from cargo. The
/// program is in the directory of this one or, for an example, in the directory above.
pub fn built(program: &str) -> String {
    let this = std::env::current_exe().expect("a program has a path");
    let mut dirs = this.ancestors().skip(1).take(2);
    let found = dirs.find_map(|dir| {
        let path = dir.join(program);
        path.is_file().then(|| path.display().to_string())
    });
    found.unwrap_or_else(|| panic!("`{program}` is not built: run `cargo build`"))
}
