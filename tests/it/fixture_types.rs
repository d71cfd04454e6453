//! A fixture has the type of its executor, and a setup of any kind.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use crate::project::Project;
use summon::{Error, Executor, Fixture, Process, SimpleExecutor, summon};

/// An executor that keeps state.
struct Store {
    server: SimpleExecutor,
    rows: usize,
    started: AtomicUsize,
    joined: AtomicUsize,
}

impl Store {
    fn new(rows: usize) -> Store {
        Store {
            server: SimpleExecutor::new("sleep 1000"),
            rows,
            started: AtomicUsize::new(0),
            joined: AtomicUsize::new(0),
        }
    }
}

impl Executor for Store {
    fn start(&self) -> Result<(), Error> {
        self.started.fetch_add(1, Ordering::Relaxed);
        self.server.start()
    }

    fn stop(&self) -> Result<(), Error> {
        self.server.stop()
    }

    fn process(&self) -> Option<&Process> {
        Some(&self.server)
    }

    fn joined(&self) {
        self.joined.fetch_add(1, Ordering::Relaxed);
    }
}

impl std::ops::Deref for Store {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.server
    }
}

#[summon::fixture(executor = Store::new(3))]
static STORE: Fixture<Store>;

#[summon::fixture(executor = Store::new(4))]
static PLAIN: Fixture;

#[summon::fixture(simple = "sh -c 'exec sleep 1000' {STORE.name} {PLAIN.name}")]
static NEEDS: Fixture<SimpleExecutor>;

#[summon::fixture(simple = "sleep 1000")]
static NAMED: Fixture<Process>;

#[test]
fn a_fixture_dereferences_to_its_executor_and_so_to_its_process() {
    assert_eq!(STORE.rows, 3);
    assert!(STORE.is_running());
    assert_eq!(STORE.get().unwrap().rows, 3);
    assert_eq!(PLAIN.get().unwrap().name(), "PLAIN");
    assert!(NAMED.is_running());
    // With a process per test, another test's process may have started it.
    let begun = [&STORE.started, &STORE.joined].map(|it| it.load(Ordering::Relaxed));
    assert!([[1, 0], [0, 1]].contains(&begun), "{begun:?}");
}

#[summon(fixture = STORE)]
#[test]
fn a_test_gets_the_executor(store: &Store) {
    assert_eq!((store.rows, store.id()), (3, STORE.id()));
}

#[summon(fixture = STORE)]
#[test]
fn a_test_gets_the_process(store: &Process) {
    assert_eq!(store.id(), STORE.id());
}

#[summon(fixture = STORE)]
#[summon(fixture = PLAIN)]
#[summon(simple = "sleep 1000")]
#[test]
fn each_parameter_has_the_type_that_it_names(store: &Store, plain: &Process, own: &Process) {
    assert_eq!(store.rows, 3);
    assert_ne!(plain.id(), own.id());
}

#[summon(fixture = STORE)]
#[test]
fn a_parameter_may_be_left_out() {
    assert!(STORE.is_running());
}

#[test]
fn a_fixture_needs_fixtures_of_any_type() {
    assert!(NEEDS.is_running());
    assert!(STORE.is_running() && PLAIN.is_running());
}

/// The thread and the name of the thread of each setup.
static SETUPS: Mutex<Vec<(thread::ThreadId, Option<String>)>> = Mutex::new(Vec::new());

fn note_thread(store: &Store) -> Result<(), Error> {
    assert!(store.is_running());
    let thread = thread::current();
    let name = thread.name().map(str::to_owned);
    SETUPS.lock().unwrap().push((thread.id(), name));
    Ok(())
}

#[summon::fixture(executor = Store::new(5), setup = note_thread)]
static SET_UP: Fixture<Store>;

#[test]
fn a_setup_gets_the_executor_once_on_a_thread_of_its_own() {
    thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| assert_eq!(SET_UP.rows, 5));
        }
    });
    let setups = SETUPS.lock().unwrap();
    assert_eq!(setups.len(), 1);
    assert_ne!(setups[0].0, thread::current().id());
}

/// A runtime that refuses to run within itself, as tokio does.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static IS_IN: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }
    assert!(!IS_IN.replace(true), "a runtime within a runtime");
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Unpark>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    let value = loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => break value,
            Poll::Pending => thread::park(),
        }
    };
    IS_IN.set(false);
    value
}

static ROWS: OnceLock<usize> = OnceLock::new();

async fn count_rows(store: &Store) -> Result<(), Error> {
    async {}.await;
    ROWS.set(store.rows)
        .map_err(|_| Error::other("counted twice"))
}

#[summon::fixture(executor = Store::new(6), setup = count_rows, block_on = block_on)]
static ASYNC: Fixture<Store>;

#[summon(fixture = ASYNC)]
async fn in_a_runtime(store: &Store) {
    assert_eq!((store.rows, ROWS.get()), (6, Some(&6)));
}

#[test]
fn an_async_setup_runs_while_the_caller_is_in_a_runtime() {
    block_on(in_a_runtime());
}

fn panics(_: &Store) -> Result<(), Error> {
    panic!("as a setup may");
}

fn needs_itself(_: &Process) -> Result<(), Error> {
    ITSELF.get().map(drop)
}

#[summon::fixture(executor = Store::new(7), setup = panics)]
static PANICS: Fixture<Store>;

#[summon::fixture(simple = "sleep 1000", setup = needs_itself)]
static ITSELF: Fixture;

#[summon::fixture(simple = "sleep 1000", setup = |_| OTHER.get().map(drop))]
static ONE: Fixture;

#[summon::fixture(simple = "sleep 1000", setup = |_| ONE.get().map(drop))]
static OTHER: Fixture;

#[test]
fn a_setup_that_panics_is_the_same_error_for_each_use() {
    let error = PANICS.get().err().unwrap().to_string();
    assert!(
        error.starts_with("the setup of PANICS panicked\n"),
        "{error}"
    );
    assert!(error.contains("\n  panic     as a setup may"), "{error}");
    assert_eq!(PANICS.get().err().unwrap().to_string(), error);
}

#[test]
fn a_setup_that_waits_for_its_own_fixture_is_an_error_at_once() {
    let error = ITSELF.get().err().unwrap().to_string();
    assert!(error.contains("ITSELF -> ITSELF"), "{error}");
    let error = ONE.get().err().unwrap().to_string();
    assert!(error.contains("ONE -> OTHER -> ONE"), "{error}");
}

fn has_row_eight(store: &Store) -> Result<(), Error> {
    match store.is_running() && store.rows == 8 {
        true => std::fs::write(store.dir().join("rows"), "8").map_err(Error::other),
        false => Err(Error::other(format!("{} rows", store.rows))),
    }
}

fn writes_seed(process: &Process) -> std::io::Result<()> {
    std::fs::write(process.dir().join("seed"), process.name())
}

async fn writes_async(process: &Process) -> std::io::Result<()> {
    std::fs::write(process.dir().join("async"), "")
}

#[summon(executor = Store::new(8), setup = has_row_eight)]
#[summon(simple = "sleep 1000", setup = writes_seed)]
#[summon(simple = "cat {store.dir}/rows", setup = writes_async, block_on = block_on)]
#[test]
fn a_program_of_a_test_has_a_setup_before_others_need_it(
    store: &Store,
    seeded: &Process,
    cat: &Process,
) {
    assert_eq!(store.started.load(Ordering::Relaxed), 1);
    let seed = std::fs::read_to_string(seeded.dir().join("seed")).unwrap();
    assert_eq!(seed, "seeded");
    assert!(cat.dir().join("async").exists());
    cat.wait("10s").unwrap();
    assert_eq!(cat.output(), b"8");
}

#[summon(executor = Store::new(9), setup = has_row_eight)]
fn has_nine_rows(store: &Store) {
    unreachable!("{} rows", store.rows);
}

#[test]
fn a_setup_of_a_test_that_fails_is_the_error_of_the_start() {
    let panic = std::panic::catch_unwind(has_nine_rows).unwrap_err();
    let report = panic.downcast_ref::<String>().unwrap();
    assert!(
        report.starts_with("the setup of store failed: 9 rows\n"),
        "{report}"
    );
    assert!(report.contains("\n  command   sleep 1000"), "{report}");
}

#[test]
fn a_process_that_joins_has_an_executor_of_its_own() {
    for (runner, processes) in [("test", 2), ("nextest run", 6)] {
        if runner == "test" || cfg!(has_nextest) {
            let args = format!("{runner} --test typed_one --test typed_two");
            let ran = Project::new().run(&args).succeeded();
            let words = ["typed", "other", "setup", "started", "joined"];
            let counts = words.map(|word| ran.count(word));
            // The other fixture is started, too, and has no setup.
            assert_eq!(counts, [1, 1, 1, 2, processes - 1], "{}", ran.said());
        }
    }
}

/// An executor that needs another fixture, or its own one, in its constructor.
fn after(other: &Fixture<Store>) -> Store {
    Store::new(other.rows)
}

#[summon::fixture(executor = after(&CIRCLE_TWO))]
static CIRCLE_ONE: Fixture<Store>;

#[summon::fixture(executor = after(&CIRCLE_ONE))]
static CIRCLE_TWO: Fixture<Store>;

#[summon(fixture = CIRCLE_ONE)]
fn uses_a_circle(store: &Store) {
    unreachable!("{} rows", store.rows);
}

#[test]
fn constructors_that_wait_for_each_other_are_an_error_at_once() {
    let panic = std::panic::catch_unwind(uses_a_circle).unwrap_err();
    let report = panic.downcast_ref::<String>().unwrap();
    assert!(
        report.contains("CIRCLE_ONE -> CIRCLE_TWO -> CIRCLE_ONE"),
        "{report}"
    );
}

/// An executor that writes a file into its directory in its constructor.
struct Configured(SimpleExecutor);

impl Configured {
    fn new() -> Configured {
        let cat = SimpleExecutor::new("sh -c 'cat {dir}/config; exec sleep 1000'");
        std::fs::write(cat.dir().join("config"), "configured").unwrap();
        Configured(cat)
    }
}

impl Executor for Configured {
    fn start(&self) -> Result<(), Error> {
        self.0.start()
    }

    fn stop(&self) -> Result<(), Error> {
        self.0.stop()
    }

    fn process(&self) -> Option<&Process> {
        Some(&self.0)
    }
}

#[summon::fixture(executor = Configured::new(), scope = "run")]
static CONFIGURED: Fixture<Configured>;

#[test]
fn a_fixture_of_the_run_whose_directory_would_end_before_the_run_is_an_error() {
    let error = CONFIGURED.get().err().unwrap().to_string();
    let why = "CONFIGURED could not be started: its directory was made before its start, so it";
    assert!(error.starts_with(why), "{error}");
    assert!(error.contains("\n  hint      use `with_file`"), "{error}");
}
