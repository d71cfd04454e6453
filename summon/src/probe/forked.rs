//! Ready when the program has forked away.

use super::{Explained, NotReady, Probe, Target};

/// What is asked of a daemon before all else, as systemd does of `Type=forking`: until the program
/// that was started has ended, and so said that the rest is the service, its pid is not the
/// service's, and a signal to it would not reach the service.
pub(crate) struct ForkedAway;

impl Probe for ForkedAway {
    fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
        match target.state() {
            Some(state) if !state.forked_away => {
                Err(NotReady::yet("it has not ended").unless_told(true))
            }
            // One that was there before has done so long ago.
            _ => Ok(()),
        }
    }

    fn describe(&self, _: &Target<'_>) -> String {
        "for the program to fork away and end".to_owned()
    }

    fn explain(&self, target: &Target<'_>, _: &str) -> Explained {
        if target.has_exited() {
            return Explained {
                last: Some(
                    "it has ended, and left nothing behind that could be the service".to_owned(),
                ),
                hint: None,
            };
        }
        Explained {
            last: None,
            hint: Some("if it stays in the foreground, leave `daemon = true` out".to_owned()),
        }
    }
}
