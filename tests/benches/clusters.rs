//! Measures the start of database servers: without a cache, with the cluster in the cache, and with a
//! copy in memory.
//!
//! Each start is in a process of its own, as under nextest. Run it with `cargo bench --bench
//! clusters`. `-- quick` runs fewer rounds.

mod common;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use common::{Figures, asked, milliseconds, row, scratch};
use summon::servers::{Mariadb, Postgres};

/// The argument of a process that starts one server.
const ONE: &str = "--start";

/// Starts a server and prints how long that took, in nanoseconds.
fn start(name: &str) {
    let executor: Box<dyn summon::Executor> = match name {
        "Postgres" => Box::new(Postgres::new()),
        _ => Box::new(Mariadb::new()),
    };
    // The warden is common to all starts of a process.
    drop(summon::SimpleExecutor::new("true").start());
    let began = Instant::now();
    executor.start().expect("it starts");
    println!("{}", began.elapsed().as_nanos());
    executor.stop().expect("it stops");
}

/// Returns the time of a start in a process with this cache, in memory or on disk.
fn in_process(name: &str, cache: &Path, memory: &str) -> Duration {
    let this = std::env::current_exe().expect("this program");
    let ran = Command::new(this)
        .args([ONE, name])
        .env("SUMMON_CACHE", cache)
        .env("SUMMON_MEMORY", memory)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&ran.stdout);
    let took = said.trim().parse();
    Duration::from_nanos(took.unwrap_or_else(|_| panic!("{ran:?}")))
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let [_, one, name] = &args[..] {
        if one == ONE {
            return start(name);
        }
    }
    let Some(quick) = asked() else { return };
    let rounds = if quick { 5 } else { 20 };
    let cache = scratch("clusters");
    println!("From the call of `start` to its return, in milliseconds: median (95th percentile).");
    println!();
    row(&[
        "server",
        "without a cache",
        "cluster in the cache",
        "ratio",
        "and in memory",
        "ratio",
    ]);
    row(&["---"; 6]);
    let servers = [
        ("Postgres", cfg!(has_postgres)),
        ("Mariadb", cfg!(has_mariadb)),
    ];
    for (name, _) in servers.into_iter().filter(|(_, is_here)| *is_here) {
        in_process(name, &cache, "0");
        let mut figures = vec![Figures::default(); 3];
        for _ in 0..rounds {
            figures[0].add(in_process(name, Path::new("0"), "0"));
            figures[1].add(in_process(name, &cache, "0"));
            figures[2].add(in_process(name, &cache, "1"));
        }
        let shown =
            |it: &Figures| format!("{} ({})", milliseconds(it.median()), milliseconds(it.p95()));
        let ratio = |it: &Figures| {
            let ratio = figures[0].median().as_secs_f64() / it.median().as_secs_f64();
            format!("{ratio:.1}")
        };
        row(&[
            name,
            &shown(&figures[0]),
            &shown(&figures[1]),
            &ratio(&figures[1]),
            &shown(&figures[2]),
            &ratio(&figures[2]),
        ]);
    }
    let _ = std::fs::remove_dir_all(cache);
}
