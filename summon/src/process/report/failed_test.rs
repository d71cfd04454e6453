//! Reports on a process after its test has failed.

use super::seconds;
use crate::error::{Error, Source as _};
use crate::output;
use crate::panicked::Failure;
use crate::process::parts::Parts;
use crate::sys::signal::how_it_ended;
use crate::trace::this_test;

impl Parts {
    /// Returns the report for a failed test: whether the process runs, or how and when it ended,
    /// and its output from the offset `since` on. `None` if it never ran.
    pub(in crate::process) fn postmortem(&self, failed: &Failure, since: u64) -> Option<Error> {
        let launched = self.life.launched();
        let name = self.name();
        let log = self.resources.home()?.share_log();
        let headline = match &launched {
            Some(launched) => {
                let state = launched.guarded.post_mortem(failed.seen);
                match (state.exit, state.exited) {
                    (Some(status), at) => {
                        let ago = at.map(|at| failed.after(at));
                        let how = how_it_ended(status);
                        let ago = seconds(ago.unwrap_or_default());
                        format!("{name} {how} {ago} before this test failed")
                    }
                    (None, _) if state.gone => format!("{name} was lost: its guard died"),
                    (None, _) => format!("{name} was alive when this test failed"),
                }
            }
            // The test has stopped the process, but its output may explain the failure.
            None if output::length(log.file()) > since => {
                format!("{name} was stopped by this test")
            }
            None => return None,
        };
        let error = match &launched {
            Some(launched) => {
                let error = self
                    .declaration
                    .error_as_launched(headline, &launched.invocation);
                launched.with_lost(error)
            }
            None => self.declaration.report(headline),
        };
        let mut never = None;
        if let Some(launched) = &launched {
            let window = launched.window.as_ref();
            never = window.and_then(|it| self.told_never(launched, it, |at| failed.after(at)));
        }
        let error = never
            .into_iter()
            .fold(error, |it, never| it.fact("never", never));
        let link = self.links.own().and_then(|link| link.report(failed));
        let ended = self.links.ended.reports(&this_test(), failed);
        let error = link
            .into_iter()
            .chain(ended)
            .fold(error, |error, link| error.fact("link", link));
        let hint = launched.and_then(|launched| self.forked_away(&launched));
        Some(error.hints(hint).tail(output::tail_of_test(log, since)))
    }
}
