//! With the feature `tracing`, summon emits spans and events for starts and stops.

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard};

use summon::{OutputCoordinatedExecutor, SimpleExecutor, orchestrated};
use tracing_subscriber::fmt::format::FmtSpan;

const ACTOR: &str = env!("CARGO_BIN_EXE_actor");

/// The lines that a subscriber has collected.
#[derive(Clone, Default)]
struct Collected(Arc<Mutex<Vec<u8>>>);

impl Collected {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap()
    }

    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(std::mem::take(&mut *self.lock())).unwrap();
        text.lines().map(|line| line.trim().to_owned()).collect()
    }
}

impl Write for Collected {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.lock().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Installs one subscriber for the whole process. A subscriber of a thread would miss the threads
/// of sets.
fn collect() -> Collected {
    let collected = Collected::default();
    let writer = collected.clone();
    tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_max_level(tracing::Level::DEBUG)
        .with_span_events(FmtSpan::NEW | FmtSpan::CLOSE)
        .with_ansi(false)
        .without_time()
        .init();
    collected
}

/// Checks that the lines about a process have these texts, in this order.
#[track_caller]
fn tells(lines: &[String], process: &str, expected: &[&str]) {
    let about = lines
        .iter()
        .filter(|line| line.contains(&format!("process=\"{process}\"")));
    let mut about = about.peekable();
    for text in expected {
        let found = about.by_ref().any(|line| line.contains(text));
        assert!(
            found,
            "`{text}` of {process} is not in its place:\n{}",
            lines.join("\n")
        );
    }
}

#[test]
fn spans_and_events_tell_of_each_phase() {
    let collected = collect();
    let db = OutputCoordinatedExecutor::new([ACTOR, "ignore", "say", "up"], "^up$")
        .named("db")
        .stop_timeout("50ms");
    let api = SimpleExecutor::new("sleep 1000").named("api").after("db");
    let outer = tracing::info_span!("my_test").entered();
    let scope = orchestrated((&db, &api)).unwrap();
    let lines = collected.lines();
    let pid = format!("pid={}", db.id().unwrap());
    tells(
        &lines,
        "db",
        &["new", "is executed", "is seen", "is ready", "close"],
    );
    tells(
        &lines,
        "db",
        &[&pid, "what=\"a line that matches `^up$`\"", "took="],
    );
    tells(&lines, "api", &["new", "is executed", "is ready", "close"]);
    // All lines are inside the outer span, although each process starts on a separate thread.
    assert!(
        lines.iter().all(|line| line.contains("my_test")),
        "{lines:#?}"
    );
    drop(outer);

    api.kill().unwrap();
    tells(
        &collected.lines(),
        "api",
        &["new", "is killed", "is gone", "close"],
    );
    drop(scope);
    let lines = collected.lines();
    tells(
        &lines,
        "db",
        &["new", "is asked to end", "is killed", "is gone", "close"],
    );
    tells(&lines, "db", &["signal=\"SIGTERM\""]);

    let late = OutputCoordinatedExecutor::new("sleep 1000", "never").timeout("1s");
    assert!(late.start().is_err());
    let lines = collected.lines();
    tells(
        &lines,
        "sleep",
        &[
            "new",
            "is executed",
            "why=\"sleep was not ready within 1s\"",
            "close",
        ],
    );
}
