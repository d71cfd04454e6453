//! The one loop that waits. It owns the deadline, the pace, and the question "has it exited
//! meanwhile?".

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::{Probe, Target};
use crate::sys::guard::Interest;
use crate::sys::wait;

/// The first pause between two looks.
const FIRST_PAUSE: Duration = Duration::from_micros(500);
/// A pause is this part of the time already waited, so that readiness is seen late by no more
/// than that part, and a long wait costs little.
const PACE: u32 = 200;
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// How the waiting ended.
#[derive(Debug)]
pub(crate) struct Waited {
    pub(crate) result: Result<(), Why>,
    pub(crate) what: String,
    /// What was seen last, unless it was readiness.
    pub(crate) last: Option<String>,
    pub(crate) looks: u32,
    pub(crate) took: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    Exited,
    Late,
    Never,
}

/// Looks until the target is ready, or can't become ready any more.
pub(crate) fn until_ready(target: &Target<'_>, probe: &dyn Probe) -> std::io::Result<Waited> {
    let began = Instant::now();
    let interest = match probe.reads_output_only() {
        true => Interest::Output,
        false => Interest::Ends,
    };
    let sleeper = target.guarded.map(|it| it.sleeper(interest)).transpose()?;
    let mut last = None;
    let result = loop {
        // Reset, then look, then sleep: news that comes after the look ends the sleep at once.
        if let Some(sleeper) = &sleeper {
            sleeper.waker.reset();
        }
        // Before the look: a process that has exited is not ready, whatever it left behind.
        if !probe.is_ready_at_exec() && has_exited(target) {
            break Err(Why::Exited);
        }
        let looked = Instant::now();
        let seen = probe.look(target);
        target.looks.set(target.looks.get() + 1);
        match seen {
            // And after it: it may have printed its banner and died.
            Ok(()) if !probe.is_ready_at_exec() && has_exited(target) => break Err(Why::Exited),
            Ok(()) => {
                last = None;
                break Ok(());
            }
            Err(seen) => {
                // A look that the deadline cut short after a moment says less than the one before.
                let now = Instant::now();
                let moment = (now - began) / 10;
                let cut_short = now >= target.deadline && now - looked < moment;
                if seen.never || last.is_none() || !cut_short {
                    last = Some(seen.why);
                }
                if seen.never {
                    // A look that fails for good may have met a process that was just dying.
                    break Err(if has_exited(target) {
                        Why::Exited
                    } else {
                        Why::Never
                    });
                }
            }
        }
        let now = Instant::now();
        if now >= target.deadline {
            break Err(Why::Late);
        }
        let next = match interest {
            Interest::Output => target.deadline,
            Interest::Ends => {
                let pause = ((now - began) / PACE).clamp(FIRST_PAUSE, LONGEST_PAUSE);
                target.deadline.min(now + pause)
            }
        };
        let news: Vec<_> = sleeper.iter().map(|it| it.waker.as_fd()).collect();
        wait::sleep(&news, next)?;
    };
    Ok(Waited {
        result,
        what: probe.describe(target),
        last,
        looks: target.looks.get(),
        took: began.elapsed(),
    })
}

fn has_exited(target: &Target<'_>) -> bool {
    target.guarded.is_some_and(|guarded| {
        let state = guarded.state();
        state.exit.is_some() || state.gone
    })
}
