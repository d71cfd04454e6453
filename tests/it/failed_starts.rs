//! What an executor does in its start, and what a start that fails leaves behind: no process, and no
//! turn on a fixed port.

use std::panic::catch_unwind;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use summon::{Error, Executor, Fixture, Process, SimpleExecutor, TcpCoordinatedExecutor, summon};

use crate::support::{actor, eventually};
use crate::turns::free_port;

fn on(port: u16) -> TcpCoordinatedExecutor {
    let addr = format!("127.0.0.1:{port}");
    TcpCoordinatedExecutor::new(actor(["listen", &addr]), "localhost", port)
}

/// Starts another process on the port, in this thread and in another one.
fn assert_free(port: u16) {
    let start = || {
        let next = on(port).named("next").turn_timeout("20s");
        next.start().unwrap();
        next.stop().unwrap();
    };
    start();
    thread::scope(|threads| threads.spawn(start).join().unwrap());
}

/// An executor that acts after its process has started.
struct Acting {
    server: TcpCoordinatedExecutor,
    act: fn(&Acting) -> Result<(), Error>,
}

impl Acting {
    fn new(port: &OnceLock<u16>, act: fn(&Acting) -> Result<(), Error>) -> Acting {
        let server = on(*port.get_or_init(free_port));
        Acting { server, act }
    }
}

impl Executor for Acting {
    fn start(&self) -> Result<(), Error> {
        self.server.start()?;
        (self.act)(self)
    }

    fn stop(&self) -> Result<(), Error> {
        self.server.stop()
    }

    fn process(&self) -> Option<&Process> {
        Some(&self.server)
    }
}

fn no_login(acting: &Acting) -> Result<(), Error> {
    acting.server.stop()?;
    Err(Error::other("no login"))
}

static STOPPED_PORT: OnceLock<u16> = OnceLock::new();
static LEFT_PORT: OnceLock<u16> = OnceLock::new();
static PANICKED_PORT: OnceLock<u16> = OnceLock::new();

#[summon::fixture(executor = Acting::new(&STOPPED_PORT, no_login))]
static STOPPED: Fixture<Acting>;

#[summon::fixture(executor = Acting::new(&LEFT_PORT, |_| Err(Error::other("no login"))))]
static LEFT: Fixture<Acting>;

#[summon::fixture(executor = Acting::new(&PANICKED_PORT, |_| panic!("no login")))]
static PANICKED: Fixture<Acting>;

#[test]
fn an_executor_may_stop_its_process_before_it_is_a_fixture_of_others() {
    let error = STOPPED.get().err().unwrap().to_string();
    assert_eq!(error, "no login");
    assert_free(STOPPED_PORT.get().copied().unwrap());
}

#[test]
fn a_fixture_that_fails_after_the_start_of_its_process_leaves_nothing() {
    let error = LEFT.get().err().unwrap().to_string();
    assert_eq!(error, "no login");
    assert_free(LEFT_PORT.get().copied().unwrap());
}

#[test]
fn a_fixture_that_panics_after_the_start_of_its_process_leaves_nothing() {
    let error = PANICKED.get().err().unwrap().to_string();
    assert!(error.contains("its executor panicked"), "{error}");
    assert_free(PANICKED_PORT.get().copied().unwrap());
}

fn restarts(acting: &Acting) -> Result<(), Error> {
    acting.server.restart()
}

static RESTARTED_PORT: OnceLock<u16> = OnceLock::new();

#[summon::fixture(executor = Acting::new(&RESTARTED_PORT, restarts), scope = "run", setup = restarts)]
static RESTARTED: Fixture<Acting>;

#[test]
fn an_executor_and_a_setup_may_restart_the_process_of_a_fixture_of_the_run() {
    let server = &RESTARTED.get().unwrap().server;
    assert!(server.is_running());
    let error = server.restart().unwrap_err().to_string();
    assert!(
        error.starts_with("RESTARTED is a fixture that other tests use"),
        "{error}"
    );
}

#[test]
fn a_start_after_a_crash_that_fails_gives_its_turn_back() {
    let port = free_port();
    let crashed = on(port).after_stop("sh -c 'exit 3'");
    crashed.start().unwrap();
    crashed.kill().unwrap();
    let error = crashed.start().unwrap_err().to_string();
    assert!(error.contains("exited with code 3"), "{error}");
    assert!(!crashed.is_running());
    assert_free(port);
}

#[test]
fn a_restart_whose_stop_fails_gives_its_turn_back() {
    let port = free_port();
    let failed = on(port).after_stop("sh -c 'exit 3'");
    failed.start().unwrap();
    let error = failed.restart().unwrap_err().to_string();
    assert!(error.contains("exited with code 3"), "{error}");
    eventually("it has stopped", || !failed.is_running());
    assert_free(port);
}

/// The members of a set whose start has begun.
static BEGUN: AtomicUsize = AtomicUsize::new(0);
static IS_CANCELLED: AtomicBool = AtomicBool::new(false);

/// An executor that fails when all others of its set are being started, or waits until the set's start
/// is cancelled.
struct Member {
    process: SimpleExecutor,
    fails: bool,
}

impl Member {
    fn new(fails: bool) -> Member {
        let process = SimpleExecutor::new("sleep 1000");
        Member { process, fails }
    }
}

fn until_cancelled(_: &Process) -> Result<(), Error> {
    BEGUN.fetch_add(1, Ordering::Relaxed);
    eventually("the set is given up", || {
        IS_CANCELLED.load(Ordering::Relaxed)
    });
    Ok(())
}

impl Executor for Member {
    fn start(&self) -> Result<(), Error> {
        if !self.fails {
            return until_cancelled(&self.process);
        }
        eventually("the others begin", || BEGUN.load(Ordering::Relaxed) == 2);
        Err(Error::other("no login"))
    }

    fn stop(&self) -> Result<(), Error> {
        IS_CANCELLED.store(true, Ordering::Relaxed);
        self.process.stop()
    }

    fn process(&self) -> Option<&Process> {
        Some(&self.process)
    }
}

#[summon::fixture(simple = "sleep 1000", setup = until_cancelled)]
static SLOW: Fixture;

#[summon(fixture = SLOW)]
#[summon(executor = Member::new(false))]
#[summon(executor = Member::new(true))]
fn fails(slow: &Process, waiting: &Member, failing: &Member) {
    unreachable!("{slow:?}, {:?}, {:?}", waiting.process, failing.process);
}

#[test]
fn a_fixture_that_starts_beside_a_failed_program_is_not_cancelled() {
    let panic = catch_unwind(fails).unwrap_err();
    let report = panic.downcast_ref::<String>().unwrap();
    let set =
        "\n  set       started, left to other tests: slow\n            start cancelled: waiting";
    assert!(
        report.starts_with("no login") && report.contains(set),
        "{report}"
    );
    assert!(SLOW.is_running());
}
