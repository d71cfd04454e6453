//! Plays a test process in hostile surroundings. It starts a server, uses it, and stops it. It
//! writes to the file `REPORT` that this works, or the text of the error.
//!
//! Usage: `owner_confined ACTOR`. First, it does the action of the list below that `FIRST` names.

#![allow(
    unsafe_code,
    reason = "std neither reaps anybody nor enters namespaces"
)]

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpStream;

use summon::{Error, TcpCoordinatedExecutor, probe};

fn main() {
    let actor = std::env::args().nth(1).expect("the actor's path");
    // The report must be open before the surroundings take away or use up descriptors.
    let report = std::env::var_os("REPORT").expect("REPORT is set");
    let mut report = OpenOptions::new().append(true).open(report).unwrap();
    let first = std::env::var("FIRST").unwrap_or_default();
    let this = std::env::current_exe();
    match first.as_str() {
        "" => {}
        "delete" => fs::remove_file(this.unwrap()).unwrap(),
        "replace" => {
            let this = this.unwrap();
            let other = this.with_extension("new");
            fs::copy("/bin/false", &other).unwrap();
            fs::rename(other, this).unwrap();
        }
        "reap" => {
            std::thread::spawn(|| {
                loop {
                    // SAFETY: `waitpid` takes a null pointer if the status is not needed.
                    let reaped = unsafe { libc::waitpid(-1, std::ptr::null_mut(), 0) };
                    if reaped < 0 {
                        std::thread::yield_now();
                    }
                }
            });
        }
        "unshare pids" => {
            // SAFETY: `unshare` takes a number.
            let unshared = unsafe { libc::unshare(libc::CLONE_NEWPID) };
            assert_eq!(unshared, 0, "{}", std::io::Error::last_os_error());
        }
        "use no directory" => {
            // The directory `GONE` no longer exists.
            let dir = std::env::var("GONE").unwrap();
            fs::create_dir(&dir).unwrap();
            std::env::set_current_dir(&dir).unwrap();
            fs::remove_dir(dir).unwrap();
        }
        other => panic!("no such thing to do first: {other}"),
    }
    for _ in 0..2 {
        match attempt(&actor) {
            Ok(()) => report.write_all(b"works\n").unwrap(),
            Err(error) => write!(report, "error: {error}\n\n").unwrap(),
        }
    }
}

fn attempt(actor: &str) -> Result<(), Error> {
    let script = [actor, "listen", "127.0.0.1:{port}", "say", "up"];
    let server = TcpCoordinatedExecutor::new(script, "127.0.0.1", 0)
        .named("server")
        .and(probe::output("^up$"))
        .timeout(std::env::var("TIMEOUT").unwrap_or("20s".into()))
        .stop_timeout("2s");
    server.start()?;
    let mut said = String::new();
    let mut stream = TcpStream::connect(server.addr()).unwrap();
    stream.read_to_string(&mut said).unwrap();
    assert_eq!(said.trim(), "1");
    server.restart()?;
    server.stop()
}
