//! Reports on a process that did not become ready: in time, or at all.

use std::time::Duration;

use crate::error::Error;
use crate::output;
use crate::probe::{Verdict, Waited, Why};
use crate::process::launched::Launched;
use crate::process::parts::Parts;
use crate::process::port_conflict;
use crate::sys::signal::how_it_ended;

impl Parts {
    /// Returns an error for a process that did not become ready.
    pub(in crate::process) fn not_ready(
        &self,
        launched: Option<&Launched>,
        waited: &Waited,
        why: &Why,
        limit: Duration,
        is_cancelled: bool,
    ) -> Error {
        let (declaration, name) = (&self.declaration, self.name());
        let state = launched.map(|launched| launched.guarded.state());
        let is_unstarted = state.as_ref().is_some_and(|it| it.told.has_never_started());
        let exit = state.and_then(|state| state.exit);
        let headline = match (why, exit) {
            // The program may have ended because of the stop.
            _ if is_cancelled => format!("{name} was stopped before it became ready"),
            (Why::GivenUp, _) => format!("{name} was stopped before it became ready"),
            // The exit code is that of the engine's client, which may not have ended yet.
            (Why::Exited | Why::Never | Why::Failed(..), _) if is_unstarted => {
                format!("{name} could not be started: the engine did not start its container")
            }
            (Why::Exited, Some(status)) => {
                format!("{name} {} before it became ready", how_it_ended(status))
            }
            (Why::Exited, None) => {
                format!("{name} was lost before it became ready: its guard died")
            }
            (Why::Late, _) if waited.is_extended => {
                format!(
                    "{name} was not ready within {limit:?}, nor in the additional time that it asked for"
                )
            }
            (Why::Late, _) => format!("{name} was not ready within {limit:?}"),
            (Why::Never, _) => format!("{name} can't become ready"),
            (Why::Failed(..), Some(status)) => {
                format!(
                    "{name} reported that it has failed, and {}",
                    how_it_ended(status)
                )
            }
            (Why::Failed(..), None) => format!("{name} reported that it has failed"),
        };
        let mut error = match launched {
            Some(launched) => declaration.error_as_launched(headline, &launched.invocation),
            None => declaration.error(headline),
        };
        // The line may be the engine's, or an effect of the stop.
        let is_its_own = !is_unstarted && !is_cancelled;
        if let (Why::Failed(banner, line), true) = (why, is_its_own) {
            error = error.fact("failure", format!("`{line}` matches `{banner}`"));
        }
        error = error
            .fact("waiting", waiting(waited, limit, exit.is_some()))
            .exit(exit.filter(|_| *why == Why::Exited && !is_unstarted));
        if *why == Why::Late {
            error = error.timeout();
        }
        let Some(launched) = launched else {
            return error;
        };
        if !is_cancelled {
            launched.guarded.catch_up();
            let tail = output::tail(launched.home.share_log(), launched.since);
            let hints = self.hints(waited, exit, &tail);
            if !hints.is_empty() {
                error = error.fact("hint", hints.join("\n"));
            }
            // A time-out is no port conflict: the program had the whole time to bind its port.
            error = error.port_in_use(*why != Why::Late && port_conflict::is_said(&tail.bytes));
        }
        launched.with_output(error)
    }
}

/// Describes the wait, with a line for each probe.
fn waiting(waited: &Waited, limit: Duration, has_exited: bool) -> String {
    let has_exited = match waited.result {
        Err(Why::Failed(..)) => has_exited,
        _ => waited.result == Err(Why::Exited),
    };
    let last = waited.seen.len().saturating_sub(1);
    let one = |step: usize, index: usize, seen: &Verdict| {
        let or = if index == 0 { "" } else { "or " };
        let is_needed = waited.seen[step].iter().all(|it| !it.ready);
        let what = &seen.what;
        let checks = match seen.looks {
            // A process that has exited is not ready. A descendant may serve its port.
            _ if seen.ready && step == last && has_exited => {
                return format!("{or}{what}: holds, but the program has exited");
            }
            _ if seen.ready => return format!("{or}{what}: ready"),
            _ if step > waited.reached => {
                return format!("{or}{what}: not checked, since an earlier probe is not ready");
            }
            0 => {
                let since = match &waited.result {
                    Err(Why::Exited) if is_needed => ", since the program has exited",
                    Err(Why::Failed(..)) if is_needed => ", since the program has failed",
                    _ => "",
                };
                return format!("{or}{what}: not checked{since}");
            }
            1 => "1 check".to_owned(),
            checks => format!("{checks} checks"),
        };
        let why = seen.last.as_ref().map(|last| format!(": {last}"));
        format!(
            "{or}{what}{} ({checks} in {:.1} s, limit {limit:?})",
            why.unwrap_or_default(),
            waited.took.as_secs_f64(),
        )
    };
    let mut lines = Vec::new();
    for (step, alternatives) in waited.seen.iter().enumerate() {
        let alternatives = alternatives.iter().enumerate();
        lines.extend(alternatives.map(|(index, seen)| one(step, index, seen)));
    }
    lines.join("\n")
}
