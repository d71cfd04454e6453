//! A network namespace for one test. Only root can make one.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};

/// A network namespace. An abstract name of a socket is known in one namespace only (`network_namespaces(7)`), so a
/// stranger in it meets no process of other tests.
pub(crate) struct Network {
    holder: Child,
    /// Open while the network is needed.
    _stdin: ChildStdin,
}

impl Network {
    pub(crate) fn new() -> Network {
        let script = "ip link set lo up && echo up && exec cat";
        let mut holder = Command::new("unshare")
            .args(["--net", "sh", "-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = holder.stdin.take().unwrap();
        let mut said = String::new();
        let stdout = holder.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut said).unwrap();
        assert_eq!(said, "up\n");
        Network {
            holder,
            _stdin: stdin,
        }
    }

    /// Returns the words of a command that runs another one in this network.
    pub(crate) fn enter(&self) -> [String; 2] {
        let network = format!("--net=/proc/{}/ns/net", self.holder.id());
        ["nsenter".to_owned(), network]
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
