//! Measures one look at a port, with few and with many sockets on the machine, and compares it with
//! a read of `/proc/net/tcp` in the same run.

use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use summon::Coordinated;
use summon::probe::{NotReady, Probe, Target, Tcp, tcp};

const ACTOR: &str = env!("CARGO_BIN_EXE_actor");
const LOOKS: usize = 2000;

static WAITING: Mutex<Vec<Duration>> = Mutex::new(Vec::new());
static FOUND: Mutex<Vec<Duration>> = Mutex::new(Vec::new());

/// Looks many times as `tcp` does, and notes the duration of each look.
struct Timed(Tcp);

impl Probe for Timed {
    fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
        // The probe has a fixed port, so it does not use the target's port.
        let mut last = Ok(());
        for _ in 0..LOOKS {
            let began = Instant::now();
            last = self.0.look(target);
            let took = began.elapsed();
            let kept = if last.is_ok() { &FOUND } else { &WAITING };
            kept.lock().unwrap().push(took);
            if last.is_ok() && kept.lock().unwrap().len() >= LOOKS {
                break;
            }
        }
        last
    }
}

fn median(kept: &Mutex<Vec<Duration>>) -> Duration {
    let mut kept = std::mem::take(&mut *kept.lock().unwrap());
    kept.sort();
    kept[kept.len() / 2]
}

fn measure(sockets: usize) {
    let server = Coordinated::with(
        [ACTOR, "boot", "300", "listen", "127.0.0.1:{port}"],
        Timed(tcp("localhost", 0)),
    );
    server.start().unwrap();
    let (waiting, found) = (median(&WAITING), median(&FOUND));
    let mut tables = Vec::new();
    for _ in 0..20 {
        let began = Instant::now();
        let table = std::fs::read("/proc/net/tcp").unwrap();
        tables.push(began.elapsed());
        assert!(!table.is_empty());
    }
    tables.sort();
    println!(
        "{sockets:>5} connections: a look that finds nothing {waiting:>9.1?}, one that finds the service \
         {found:>9.1?}; reading /proc/net/tcp {:>9.1?}",
        tables[tables.len() / 2]
    );
}

fn main() {
    // `cargo test --benches` only checks that the program runs.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let mut held = Vec::new();
    for wanted in [10, 5000] {
        // Each connection uses two sockets of this process.
        while held.len() < wanted {
            match TcpStream::connect(addr) {
                Ok(client) => held.push((client, listener.accept().unwrap())),
                Err(error) => {
                    println!("only {} connections: {error}", held.len());
                    break;
                }
            }
        }
        measure(held.len());
    }
}
