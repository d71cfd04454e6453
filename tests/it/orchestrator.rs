//! An orchestrator starts each executor when the services that it needs are ready, and stops it
//! before them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use summon::{
    Error, Executor, Orchestrator, OutputCoordinatedExecutor, Process, SimpleExecutor, orchestrated,
};

use crate::support::{TempDir, actor, recorded};

/// Records `<name>` when the service is up, and `-<name>` when it ends.
fn recording(name: &str, record: &str) -> OutputCoordinatedExecutor {
    let script = [
        "farewell",
        record,
        &format!("-{name}"),
        "record",
        record,
        name,
        "say",
        "up",
    ];
    OutputCoordinatedExecutor::new(actor(script), "up").named(name)
}

#[test]
fn one_that_names_anothers_placeholder_starts_after_it_and_stops_before_it() {
    let dir = TempDir::new();
    let record = dir.file("record");
    let web = recording("web", &record).env("API", "{api.port} {api.name} {api.host}");
    let api = recording("api", &record).env("DB", "{db.dir}");
    let db = recording("db", &record);
    let scope = orchestrated((&web, &api, &db)).unwrap();
    assert_eq!(recorded(&record), ["db", "api", "web"]);
    drop(scope);
    assert_eq!(
        recorded(&record),
        ["db", "api", "web", "-web", "-api", "-db"]
    );
}

#[test]
fn values_of_others_are_filled_in() {
    let db = SimpleExecutor::new("sleep 1000").named("db");
    let api = OutputCoordinatedExecutor::new(actor(["env", "DB"]), "^DB=")
        .env("DB", "{db.name}@{db.host}:{db.port}");
    let _scope = orchestrated((&db, &api)).unwrap();
    let expected = format!("DB=db@localhost:{}\n", db.port());
    assert_eq!(String::from_utf8_lossy(&api.output()), expected);
}

#[test]
fn after_makes_an_order_too() {
    let dir = TempDir::new();
    let record = dir.file("record");
    let (one, two) = (
        recording("one", &record).after("two"),
        recording("two", &record),
    );
    drop(orchestrated([&one, &two]).unwrap());
    assert_eq!(recorded(&record), ["two", "one", "-one", "-two"]);
}

#[test]
fn those_that_do_not_refer_to_each_other_start_side_by_side() {
    let dir = TempDir::new();
    let (a, b) = (dir.file("a"), dir.file("b"));
    // Each service becomes ready only after the other one has begun.
    let wait = |mine: &str, other: &str| {
        let script = actor(["record", mine, "here", "await", other, "say", "up"]);
        OutputCoordinatedExecutor::new(script, "up").timeout("20s")
    };
    let (one, two) = (wait(&a, &b).named("one"), wait(&b, &a).named("two"));
    orchestrated((&one, &two)).unwrap().stop().unwrap();
}

#[test]
fn if_one_fails_the_started_ones_are_stopped_and_its_error_is_returned() {
    let dir = TempDir::new();
    let record = dir.file("record");
    let db = recording("db", &record);
    let slow = OutputCoordinatedExecutor::new("sleep 1000", "never")
        .timeout("1h")
        .named("slow");
    let api = OutputCoordinatedExecutor::new(actor(["exit", "4"]), "up")
        .named("api")
        .after("db");
    let web = recording("web", &record).after("api");
    let error = orchestrated((&db, &slow, &api, &web)).unwrap_err();
    assert!(
        error.to_string().starts_with("api exited with code 4"),
        "{error}"
    );
    assert_eq!(recorded(&record), ["db", "-db"]);
    assert!(!slow.is_running() && !web.is_running());
}

/// An executor that says that its start has begun, and goes on when it is stopped.
struct Waiting<E> {
    begun: Sender<()>,
    stop: Sender<()>,
    stopped: Mutex<Receiver<()>>,
    then: E,
    process: bool,
}

impl<E: Executor> Waiting<E> {
    fn new(then: E, process: bool) -> (Waiting<E>, Receiver<()>) {
        let (begun, has_begun) = mpsc::channel();
        let (stop, stopped) = mpsc::channel();
        let stopped = Mutex::new(stopped);
        let waiting = Waiting {
            begun,
            stop,
            stopped,
            then,
            process,
        };
        (waiting, has_begun)
    }
}

impl<E: Executor> Executor for Waiting<E> {
    fn start(&self) -> Result<(), Error> {
        self.begun.send(()).map_err(Error::other)?;
        let stopped = self.stopped.lock().unwrap();
        let limit = Duration::from_secs(20);
        stopped.recv_timeout(limit).map_err(Error::other)?;
        self.then.start()
    }

    fn stop(&self) -> Result<(), Error> {
        let _ = self.stop.send(());
        self.then.stop()
    }

    fn process(&self) -> Option<&Process> {
        self.then.process().filter(|_| self.process)
    }
}

#[test]
fn a_process_does_not_begin_to_start_after_another_has_failed() {
    let dir = TempDir::new();
    let record = dir.file("record");
    let (late, _begun) = Waiting::new(recording("late", &record), true);
    let missing = SimpleExecutor::new("no-such-program").named("missing");
    let error = orchestrated((&late, &missing)).unwrap_err().to_string();
    assert!(error.starts_with("missing could not be started"), "{error}");
    assert!(error.contains("start cancelled: late"), "{error}");
    assert!(!std::path::Path::new(&record).exists());
    // The set is over, so the process may start by itself.
    late.then.start().unwrap();
    assert_eq!(recorded(&record), ["late"]);
}

#[test]
fn a_stop_during_a_start_waits_until_nothing_starts() {
    let (barrier, begun) = Waiting::new(SimpleExecutor::new("sleep 1000"), false);
    let web = SimpleExecutor::new("sleep 1000").named("web");
    let stack = Orchestrator::new((&barrier, &web));
    std::thread::scope(|threads| {
        let started = threads.spawn(|| stack.start());
        begun.recv().unwrap();
        let twice = stack.start().unwrap_err();
        assert!(twice.is_already_running(), "{twice}");
        stack.stop().unwrap();
        assert!(!barrier.then.is_running() && !web.is_running());
        let error = started.join().unwrap().unwrap_err().to_string();
        assert!(error.contains(" stopped before "), "{error}");
    });
}

#[test]
fn a_set_stops_in_the_reverse_of_the_order_in_which_it_started() {
    /// An executor that has its process only after its start.
    struct Lazy(OnceLock<SimpleExecutor>);
    impl Executor for Lazy {
        fn start(&self) -> Result<(), Error> {
            // By now another process of the set has this name.
            let make = || SimpleExecutor::new("sleep 1000").named("api");
            self.0.get_or_init(make).start()
        }
        fn stop(&self) -> Result<(), Error> {
            self.process().map_or(Ok(()), Process::stop)
        }
        fn process(&self) -> Option<&Process> {
            self.0.get().map(|made| &**made)
        }
    }
    let dir = TempDir::new();
    let record = dir.file("record");
    let web = recording("web", &record).after("api");
    let api = recording("api", &record);
    drop(orchestrated((&web, &api, Lazy(OnceLock::new()))).unwrap());
    assert_eq!(recorded(&record), ["api", "web", "-web", "-api"]);
}

#[test]
fn what_ran_before_is_not_stopped_by_a_set_that_could_not_start_it() {
    let db = SimpleExecutor::new("sleep 1000").named("db");
    db.start().unwrap();
    let missing = SimpleExecutor::new("no-such-program").named("missing");
    let after = SimpleExecutor::new("sleep 1000")
        .named("after")
        .after("missing");
    after.start().unwrap();
    assert!(orchestrated((&missing, &after)).is_err());
    assert!(db.is_running() && after.is_running());
}

#[test]
fn a_panicking_body_still_stops() {
    let sleeper = SimpleExecutor::new("sleep 1000");
    let result = catch_unwind(AssertUnwindSafe(|| {
        let _scope = orchestrated(&sleeper).unwrap();
        assert!(sleeper.is_running());
        panic!("this panic is part of a test");
    }));
    assert!(result.is_err());
    assert!(!sleeper.is_running());
}

#[test]
fn takes_tuples_arrays_vectors_borrowed_and_owned() {
    let named = |name: &str| SimpleExecutor::new("sleep 1000").named(name);
    let (a, b) = (named("a"), named("b"));
    drop(orchestrated((&a, &b)).unwrap());
    drop(orchestrated([&a, &b]).unwrap());
    drop(orchestrated(vec![&a, &b]).unwrap());
    drop(orchestrated((&a,)).unwrap());
    drop(orchestrated(&a).unwrap());
    let boxed: Vec<Box<dyn Executor>> = vec![Box::new(named("c")), Box::new(named("d"))];
    drop(orchestrated(&boxed).unwrap());
    drop(orchestrated(boxed).unwrap());
    let owned = [named("e"), named("f")];
    drop(orchestrated(&owned[..]).unwrap());
    drop(orchestrated(owned).unwrap());
    let shared = std::sync::Arc::new(named("g"));
    let scope = orchestrated((shared.clone(), a)).unwrap();
    assert!(shared.is_running());
    drop(scope);
    assert!(!shared.is_running());
    let none: [SimpleExecutor; 0] = [];
    drop(orchestrated(none).unwrap());
}

#[test]
fn orchestrators_nest_and_their_members_know_each_other() {
    let dir = TempDir::new();
    let record = dir.file("record");
    let db = recording("db", &record).after("cache");
    let api = recording("api", &record).env("DB", "{db.port}");
    let inner = Orchestrator::new((&api, recording("cache", &record)));
    let outer = Orchestrator::new((inner, &db));
    outer.start().unwrap();
    assert_eq!(recorded(&record), ["cache", "db", "api"]);
    outer.stop().unwrap();
    assert_eq!(recorded(&record)[3..], ["-api", "-db", "-cache"]);
    outer.stop().unwrap();
}

/// An executor that notes its starts and stops.
struct Noting<'a>(&'a Mutex<Vec<String>>, &'a str, Option<&'a SimpleExecutor>);

impl Executor for Noting<'_> {
    fn start(&self) -> Result<(), Error> {
        self.2.map_or(Ok(()), Executor::start)?;
        self.0.lock().unwrap().push(self.1.to_owned());
        Ok(())
    }

    fn stop(&self) -> Result<(), Error> {
        self.0.lock().unwrap().push(format!("-{}", self.1));
        self.2.map_or(Ok(()), Executor::stop)
    }

    fn process(&self) -> Option<&Process> {
        self.2.map(|inner| &**inner)
    }
}

#[test]
fn an_executor_without_a_process_is_a_barrier() {
    let notes = Mutex::new(Vec::new());
    let noting = |name| Noting(&notes, name, None);
    drop(orchestrated((noting("a"), noting("b"), noting("c"))).unwrap());
    assert_eq!(*notes.lock().unwrap(), ["a", "b", "c", "-c", "-b", "-a"]);
}

#[test]
fn a_wrapper_keeps_the_name_and_the_placeholders_of_what_it_wraps() {
    let notes = Mutex::new(Vec::new());
    let db = SimpleExecutor::new("sleep 1000").named("db");
    let api =
        OutputCoordinatedExecutor::new(actor(["env", "PORT"]), "^PORT=").env("PORT", "{db.port}");
    let wrapped: Box<dyn Executor> = Box::new(Noting(&notes, "wrapped", Some(&db)));
    let scope = orchestrated((&api, &wrapped)).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&api.output()),
        format!("PORT={}\n", db.port())
    );
    drop(scope);
    assert_eq!(*notes.lock().unwrap(), ["wrapped", "-wrapped"]);
    assert!(!db.is_running());
}

#[test]
fn a_set_that_makes_no_sense_starts_nothing() {
    let named = |name: &str| SimpleExecutor::new("sleep 1000").named(name);
    let error = |result: Result<summon::Scope<'_>, Error>| result.unwrap_err().to_string();
    let twins = error(orchestrated((named("a"), named("a"))));
    assert!(
        twins.contains("two processes of one set are named `a`"),
        "{twins}"
    );
    let circle = error(orchestrated((
        named("a").after("b"),
        named("b").arg("{a.port}"),
    )));
    assert!(circle.contains("a -> b -> a"), "{circle}");
    let stranger = error(orchestrated((named("a").after("z"), named("b"))));
    assert!(stranger.contains("a refers to `z`, which is not in the same set; the set has b"));
}

#[test]
fn an_executor_that_panics_fails_the_set_and_stops_the_others() {
    struct Panics;
    impl Executor for Panics {
        fn start(&self) -> Result<(), Error> {
            panic!("this panic is part of a test");
        }
        fn stop(&self) -> Result<(), Error> {
            Ok(())
        }
    }
    let sleeper = SimpleExecutor::new("sleep 1000");
    assert!(orchestrated((&sleeper, Panics)).is_err());
    assert!(!sleeper.is_running());
}

#[test]
fn executors_go_across_threads() {
    fn is_send_and_sync<T: Send + Sync>(_: &T) {}
    let sleeper = SimpleExecutor::new("sleep 1000");
    is_send_and_sync(&sleeper);
    is_send_and_sync(&*sleeper);
    let scope = orchestrated(&sleeper).unwrap();
    is_send_and_sync(&scope);
    std::thread::scope(|threads| {
        let seen = threads.spawn(|| sleeper.is_running());
        assert!(seen.join().unwrap());
        threads.spawn(|| sleeper.stop().unwrap());
    });
    assert!(!sleeper.is_running());
}

#[test]
fn what_ran_before_is_not_stopped_by_a_set_that_it_is_in() {
    let db = SimpleExecutor::new("sleep 1000").named("db");
    db.start().unwrap();
    let api = SimpleExecutor::new("sleep 1000").named("api").after("db");
    assert!(orchestrated((&db, &api)).unwrap_err().is_already_running());
    assert!(db.is_running() && !api.is_running());
}

#[test]
fn an_executor_may_block_on_a_future_however_many_there_are() {
    struct Blocking;
    impl Executor for Blocking {
        fn start(&self) -> Result<(), Error> {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.map_err(Error::other)?.block_on(async {});
            Ok(())
        }
        fn stop(&self) -> Result<(), Error> {
            self.start()
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        drop(orchestrated(Blocking).unwrap());
        drop(orchestrated((Blocking, Blocking)).unwrap());
    });
}
