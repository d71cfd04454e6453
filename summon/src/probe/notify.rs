//! The probe that waits until the process sends `READY=1`.

use super::{AtTheEnd, Facts, NotReady, Probe, Target};

/// A probe for `READY=1`, made by [`notify()`].
///
/// Use this name in types that hold the executor:
///
/// ```
/// use summon::{Coordinated, probe};
///
/// struct Service {
///     server: Coordinated<probe::Notify>,
/// }
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Notify;

/// Waits until the process or one of its descendants sends `READY=1` to the socket in
/// `NOTIFY_SOCKET`, as services of systemd do (`sd_notify(3)`). summon sets that variable.
///
/// If the start fails, the error shows the text of `STATUS=` and `ERRNO=`. `EXTEND_TIMEOUT_USEC=`
/// extends the time-out as with systemd: the process must send it before the time-out, and again
/// before each extension ends. A start takes at most ten times its
/// [`timeout`](crate::Coordinated::timeout), so that a server that hangs can't block a test for ever.
/// For stopping see [`stop_timeout`](crate::Coordinated::stop_timeout). summon answers `BARRIER=1`, and
/// ignores all other messages.
///
/// ```
/// use summon::{Coordinated, probe};
/// # if std::process::Command::new("systemd-notify").arg("--version").output().is_err() {
/// #     return Ok(());
/// # }
///
/// let server = Coordinated::with(
///     ["sh", "-c", "systemd-notify --ready; exec sleep 100"],
///     probe::notify(),
/// );
/// server.start()?;
/// # Ok::<(), summon::Error>(())
/// ```
///
/// # Platform notes
///
/// On Linux the socket has an abstract name (`unix(7)`), so processes in another network namespace
/// can't reach it. On macOS the socket is a file in a directory that only the current user can access,
/// so a program that changes its user can't reach it.
pub fn notify() -> Notify {
    Notify
}

impl Probe for Notify {
    fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
        let subscribed = target.news.subscribe_to_notices();
        subscribed.map_err(|error| NotReady::ever(error.to_string()))?;
        let state = target.state();
        let state = state
            .ok_or_else(|| NotReady::ever("a server that ran before this test can't notify it"))?;
        let why = match state.notice {
            Some(notice) if notice.ready => return Ok(()),
            Some(notice) if !notice.status.is_empty() => {
                format!("not received; its status is `{}`", notice.status)
            }
            _ => "not received".to_owned(),
        };
        Err(NotReady::yet(why).unless_told(true))
    }

    fn describe(&self, _: &Target<'_>) -> String {
        "notify READY=1".to_owned()
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            is_told_by_socket: true,
            at_the_end: AtTheEnd::Sign,
            ..Facts::default()
        }
    }
}
