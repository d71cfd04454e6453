//! The probe that waits until a daemon has forked and its first process has ended.

use super::{AtTheEnd, Explained, Facts, NotReady, Probe, Target};

/// Waits for the first process of a daemon to end, as systemd does with `Type=forking`. This probe
/// comes before all others: until then the pid is that of the first process, and a signal to it would
/// not reach the service.
pub(crate) struct ForkedAway;

impl Probe for ForkedAway {
    fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
        match target.state() {
            Some(state) if !state.forked_away => {
                Err(NotReady::yet("it has not exited").unless_told(true))
            }
            // A server that ran before the test has no guard, and has forked long ago.
            _ => Ok(()),
        }
    }

    fn describe(&self, _: &Target<'_>) -> String {
        "the first process to fork and exit".to_owned()
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            at_the_end: AtTheEnd::Sign,
            ..Facts::default()
        }
    }

    fn explain(&self, target: &Target<'_>) -> Explained {
        if target.has_exited() {
            return Explained {
                last: Some(
                    "it exited, and left no process behind that could be the service".to_owned(),
                ),
                hint: None,
            };
        }
        Explained {
            last: None,
            hint: Some("if the program stays in the foreground, remove `daemon = true`".to_owned()),
        }
    }
}
