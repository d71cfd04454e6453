//! ZooKeeper.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use super::{Ready, found, marker, served};
use crate::executor::Coordinated;
use crate::probe::{NotReady, Probe, Target};

/// The script of Debian's package, outside PATH.
const DEBIAN: &str = "/usr/share/zookeeper/bin/zkServer.sh";

/// The server would listen for administrators, on port 8080 of all addresses.
const CONFIG: &str = "clientPort={port}
clientPortAddress=127.0.0.1
dataDir={dir}/data
tickTime=1000
forceSync=no
admin.enableServer=false
4lw.commands.whitelist=*
";

/// A single ZooKeeper.
///
/// ```no_run
/// use summon::servers::Zookeeper;
///
/// let zookeeper = Zookeeper::new();
/// zookeeper.start()?;
/// assert_eq!(zookeeper.url("/app"), format!("127.0.0.1:{}/app", zookeeper.port()));
/// # Ok::<(), summon::Error>(())
/// ```
///
/// The methods below set options of this server. [`Coordinated`] has the options of every executor.
/// [`Process`](crate::Process) has the verbs, such as `start`, `restart`, `stopped`, and `paused`.
pub type Zookeeper = Coordinated<Ready<marker::Zookeeper>>;

impl Zookeeper {
    /// Runs the server on a free port. It opens no other port, neither for JMX nor for administrators.
    /// [`url`](crate::Process::url) returns a connect string, `HOST:PORT` and the root of the client.
    ///
    /// ```
    /// use summon::servers::Zookeeper;
    ///
    /// let zookeeper = Zookeeper::new().env("JVMFLAGS", "-Xmx256m").timeout("1m");
    /// ```
    #[track_caller]
    pub fn new() -> Zookeeper {
        let server = match Path::new(DEBIAN).is_file() {
            true => DEBIAN.to_owned(),
            false => found(&["zkServer.sh", "zkServer"]),
        };
        served([server.as_str(), "start-foreground", "{dir}/zoo.cfg"], "")
            .with_file("zoo.cfg", CONFIG)
            .env("JMXDISABLE", "true")
            .env("ZOO_LOG_DIR", "{dir}")
            // After SIGTERM Java exits with 128 + 15.
            .expect_exit([0, 143])
            .and(Serves)
            .in_image(|_, _| {
                Err("run the image by `TcpCoordinatedExecutor::new(\"\", \"localhost\", 2181)`, and wait with `probe::exec(\"zkServer.sh status\")`")
            })
    }
}

impl Default for Zookeeper {
    fn default() -> Zookeeper {
        Zookeeper::new()
    }
}

/// The server listens a second before it serves, and then prints no line. It may also accept a
/// connection and never answer it, hence the limit.
struct Serves;

/// Limits a question. The next look asks again.
const LIMIT: Duration = Duration::from_millis(200);

impl Probe for Serves {
    fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
        let answer = ask(target)
            .map_err(|error| NotReady::yet(format!("it does not answer yet: {error}")))?;
        match answer.contains("Mode: ") {
            true => Ok(()),
            false => Err(NotReady::yet(format!("it answers: {}", answer.trim()))),
        }
    }

    fn describe(&self, _: &Target<'_>) -> String {
        "an answer to `srvr`".to_owned()
    }
}

fn ask(target: &Target<'_>) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&target.addr(), LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    stream.write_all(b"srvr")?;
    let mut answer = Vec::new();
    // The answer has ten lines. A server that is not ZooKeeper may never end.
    stream.take(4096).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::{Serves, served};

    #[test]
    fn a_report_says_in_words_that_the_server_must_serve() {
        let server = served::<()>(["false"], "").and(Serves);
        let report = server.start().unwrap_err().to_string();
        let wanted = "\n            an answer to `srvr`: not checked, since";
        assert!(report.contains(wanted), "{report}");
    }
}
