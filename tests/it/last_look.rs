//! What summon still looks at when a program has exited or failed: its port, and what outlives it.

use summon::probe::{self, NotReady, Probe, Target};
use summon::{Coordinated, OutputCoordinatedExecutor};

use crate::support::{Life, actor, eventually};

/// A probe of a user around one of summon's, which may take its time.
struct Own(probe::File);

impl Probe for Own {
    fn look(&self, _: &Target<'_>) -> Result<(), NotReady> {
        Err(NotReady::yet("looked"))
    }

    fn wrapped(&self) -> Option<&dyn Probe> {
        Some(&self.0)
    }
}

/// Lets the program go on, and waits until it has exited.
fn end(target: &Target<'_>) {
    std::fs::write(target.dir().join("go"), "").unwrap();
    let pid = target.id().unwrap();
    eventually("it ends", || Life::of(pid).is_none());
}

#[test]
fn what_a_process_does_just_before_its_end_is_told() {
    // The end is often seen before a look at what came before it.
    for _ in 0..20 {
        let script = actor(["say", "ready", "say", "ready", "exit", "3"]);
        let banner = |times| OutputCoordinatedExecutor::new(script.clone(), "^ready$").times(times);
        for (error, expected) in [
            (banner(3).start(), "`^ready$`: 2 such lines so far ("),
            (
                banner(1).and(probe::file("{dir}/never")).start(),
                "`^ready$`: ready\n            file ",
            ),
        ] {
            let error = error.unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}

#[test]
fn a_program_that_has_exited_is_asked_no_more() {
    // The wait may see the banner before the end.
    let reports = (0..20).map(|_| {
        let ended = |target: &Target<'_>| {
            end(target);
            Err::<(), _>("too late")
        };
        let script = actor(["await", "{dir}/go", "say", "up", "exit", "3"]);
        let up = probe::any((probe::output("^up$"), ended));
        let own = Own(probe::file("{dir}/go"));
        let asked = probe::any((probe::exec("sleep 1000"), own));
        let server = Coordinated::with(script, up).and(asked);
        server.start().unwrap_err().to_string()
    });
    let asked_no_more = ": not checked, since the program has exited\n";
    let reports: Vec<String> = reports
        .take_while(|it| it.matches(asked_no_more).count() != 2)
        .collect();
    assert!(reports.len() < 20, "{}", reports[0]);
}

#[test]
fn the_end_is_not_blamed_for_a_probe_that_was_not_needed() {
    let either = probe::any((|_: &Target<'_>| Ok::<(), String>(()), probe::exec("x")));
    let ended = |target: &Target<'_>| {
        end(target);
        Err::<(), _>("too late")
    };
    let script = actor(["await", "{dir}/go", "exit", "3"]);
    let error = Coordinated::with(script, either).and(ended).start();
    let error = error.unwrap_err().to_string();
    assert!(error.contains("or exec `x`: not checked\n"), "{error}");
}

#[test]
fn a_program_that_has_failed_and_exited_is_not_said_to_be_ready() {
    let ended = |target: &Target<'_>| {
        end(target);
        Ok::<(), String>(())
    };
    let headline = "actor reported that it has failed, and exited with code 3\n";
    // The line may be seen before the end.
    let mut reports = (0..20).map(|_| {
        let script = actor(["await", "{dir}/go", "complain", "FATAL", "exit", "3"]);
        let server = Coordinated::with(script, ended).unless("^FATAL");
        server.start().unwrap_err().to_string()
    });
    let error = reports.find(|it| it.starts_with(headline));
    let error = error.expect("a report that has the end");
    let seen = "a closure of the test: holds, but the program has exited\n";
    assert!(error.contains(seen), "{error}");
}
