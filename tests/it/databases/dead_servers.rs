//! Databases of a server that was killed.

use std::collections::BTreeSet;
use std::sync::Mutex;

use summon::servers::Postgres;
use summon::summon;

use super::connect;
use crate::memory::signal;

/// How many tests want databases while the server dies.
const THREADS: usize = 4;

#[summon(executor = Postgres::new())]
#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn say_so_to_each_test_that_waits(pg: &Postgres) {
    // Given up, so that drops are due, too.
    let begun: Vec<_> = (0..40).map(|_| pg.database().unwrap()).collect();
    connect(&begun[0].url());
    drop(begun);
    let errors = Mutex::new(BTreeSet::new());
    std::thread::scope(|threads| {
        for thread in 0..THREADS {
            let errors = &errors;
            threads.spawn(move || {
                for round in 0.. {
                    match pg.database() {
                        Ok(_) if (thread, round) == (0, 5) => {
                            signal(pg.id().unwrap(), libc::SIGKILL);
                        }
                        Ok(_) => {}
                        Err(error) => {
                            let error = error.to_string();
                            let line = error.lines().next().unwrap();
                            let why = line.rsplit(": ").next().unwrap().to_owned();
                            errors.lock().unwrap().insert(why);
                            return;
                        }
                    }
                }
            });
        }
    });
    let known = ["the server ends", "the server has ended"];
    let errors = errors.into_inner().unwrap();
    assert!(
        errors.iter().all(|it| known.contains(&it.as_str())),
        "{errors:?}"
    );
    // One line for each database would hide the words of the server in reports.
    let output = String::from_utf8_lossy(&pg.output()).into_owned();
    assert!(!output.contains("[summon: the database"), "{output}");
}
