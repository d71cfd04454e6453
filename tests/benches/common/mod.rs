//! The common parts of the benchmarks: a clock that processes share, figures, and a table.
#![allow(dead_code, reason = "each benchmark uses some of it")]

use std::path::Path;
use std::time::{Duration, Instant};

pub(crate) const ACTOR: &str = env!("CARGO_BIN_EXE_actor");

/// Returns the time of the clock that the actor also notes (`CLOCK_MONOTONIC`), in nanoseconds.
pub(crate) fn now() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid place.
    #[expect(unsafe_code, reason = "std's clock can't be compared across processes")]
    let read = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    assert_eq!(read, 0);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Waits until the actor has written the time of its readiness, and returns the time.
pub(crate) fn noted(file: &Path) -> u64 {
    let limit = Instant::now() + Duration::from_secs(10);
    loop {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        if let Some(line) = text.strip_suffix('\n') {
            return line.parse().expect("a time");
        }
        assert!(Instant::now() < limit, "the actor noted nothing");
        std::thread::yield_now();
    }
}

/// Makes a directory for the files of one benchmark.
pub(crate) fn scratch(name: &str) -> std::path::PathBuf {
    let dir = std::env::temp_dir().join(format!("summon-bench-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    dir
}

#[derive(Clone, Default)]
pub(crate) struct Figures(Vec<Duration>);

impl From<Vec<Duration>> for Figures {
    fn from(mut figures: Vec<Duration>) -> Figures {
        figures.sort_unstable();
        Figures(figures)
    }
}

impl Figures {
    pub(crate) fn add(&mut self, figure: Duration) {
        self.0.push(figure);
        self.0.sort_unstable();
    }

    pub(crate) fn median(&self) -> Duration {
        self.at(0.5)
    }

    pub(crate) fn p95(&self) -> Duration {
        self.at(0.95)
    }

    fn at(&self, part: f64) -> Duration {
        self.0[((self.0.len() - 1) as f64 * part).round() as usize]
    }

    /// Returns the figures minus a time that is not summon's.
    pub(crate) fn beyond(&self, own: Duration) -> Figures {
        Figures(self.0.iter().map(|it| it.saturating_sub(own)).collect())
    }
}

pub(crate) fn milliseconds(duration: Duration) -> String {
    format!("{:.2}", duration.as_secs_f64() * 1000.0)
}

/// Returns `None` unless this is a benchmark (`cargo test --benches` only checks that it runs), and
/// otherwise whether CI wants the quick form.
pub(crate) fn asked() -> Option<bool> {
    let args: Vec<String> = std::env::args().collect();
    let is_bench = args.iter().any(|arg| arg == "--bench");
    is_bench.then(|| args.iter().any(|arg| arg == "quick"))
}

pub(crate) fn row(cells: &[&str]) {
    println!("| {} |", cells.join(" | "));
}
