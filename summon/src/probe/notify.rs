//! Ready when the process says so itself.

use super::{Facts, NotReady, Probe, Target};

/// Made by [`notify()`].
///
/// It has a name for types that hold such an executor:
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

/// Ready when the process, or one that it started, says `READY=1` as systemd's services do
/// (`sd_notify(3)`): `NOTIFY_SOCKET` in its environment says where.
///
/// What it says in `STATUS=` and `ERRNO=` stands in the error of a start that fails, and
/// `EXTEND_TIMEOUT_USEC=` moves the end of the time-out, as systemd has it: once the start takes
/// longer than the time-out, it goes on for as long as that was asked for in time. A start takes ten
/// times its [`timeout`](crate::Coordinated::timeout) at most, so that a server that hangs keeps no test
/// for ever. For a stop see [`stop_timeout`](crate::Coordinated::stop_timeout). `BARRIER=1` is
/// answered; everything else is ignored.
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
/// On Linux the socket has an abstract name (`unix(7)`), so it is not to be seen from another network
/// namespace. On macOS it is a file in a directory of this user's, so a program that changes its user
/// does not reach it.
pub fn notify() -> Notify {
    Notify
}

impl Probe for Notify {
    fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
        let subscribed = target.news.subscribe_to_notices();
        subscribed.map_err(|error| NotReady::ever(error.to_string()))?;
        let state = target.state();
        let state = state.ok_or_else(|| {
            NotReady::ever("a server that was there before can't say so to this test")
        })?;
        let why = match state.notice {
            Some(notice) if notice.ready => return Ok(()),
            Some(notice) if !notice.status.is_empty() => {
                format!("it did not say so yet; its status is `{}`", notice.status)
            }
            _ => "it did not say so yet".to_owned(),
        };
        Err(NotReady::yet(why).unless_told(true))
    }

    fn describe(&self, _: &Target<'_>) -> String {
        "notify READY=1".to_owned()
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            is_told_by_socket: true,
            ..Facts::default()
        }
    }
}
