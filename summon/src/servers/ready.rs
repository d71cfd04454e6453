//! What the ready-made servers have in common.

use std::fmt;
use std::marker::PhantomData;

use crate::command::Command;
use crate::executor::Coordinated;
use crate::probe::{self, NotReady, Output, Probe, Target, Tcp};

/// The probe of a ready-made server. It waits until the server serves its port, and has written its
/// ready line, if it has one. `S` makes each executor, such as [`Redis`](super::Redis), a type of its
/// own.
///
/// ```
/// use summon::{Coordinated, servers::Ready};
///
/// /// Takes any of them.
/// fn show<S: 'static>(server: &Coordinated<Ready<S>>) {
///     println!("{} is at {}", server.name(), server.addr());
/// }
///
/// show(&summon::servers::Redis::new());
/// ```
pub struct Ready<S> {
    tcp: Tcp,
    kind: PhantomData<fn() -> S>,
}

impl<S> Clone for Ready<S> {
    fn clone(&self) -> Ready<S> {
        Ready {
            tcp: self.tcp.clone(),
            kind: PhantomData,
        }
    }
}

impl<S: 'static> Coordinated<Ready<S>> {
    /// Has it serve a fixed port, such as one that a `.env` file names. Default: a free one. Tests that
    /// want the same port [take turns](crate::guide::ports). In the attribute it is `port = 6379`.
    ///
    /// With [`reuse`](Coordinated::reuse) a server that runs there already, such as a developer's own, is
    /// used and left alone. Its password and its databases are then what they are.
    ///
    /// ```
    /// use summon::servers::Redis;
    ///
    /// let redis = Redis::new().on_port(6379).reuse(std::env::var_os("CI").is_none());
    /// assert_eq!(redis.url("/0"), "redis://127.0.0.1:6379/0");
    /// ```
    pub fn on_port(self, port: u16) -> Self {
        self.ask(|ready| ready.tcp = probe::tcp("127.0.0.1", port))
    }

    /// Waits for this line too, of a server that summon has started.
    pub(super) fn says(self, banner: &str) -> Self {
        self.and(Says(probe::output(banner)))
    }

    /// What its URL begins with: the scheme, the user, and the password.
    pub(super) fn user_in_url(self, scheme: &str, user: &str, password: &str) -> Self {
        let password = in_url(password);
        self.scheme(format!("{scheme}://{user}:{password}@"))
    }
}

/// A line that a server says. One that was there before has said it long ago.
struct Says(Output);

impl Probe for Says {
    fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
        match target.id() {
            Some(_) => self.0.look(target),
            None => Ok(()),
        }
    }

    fn wrapped(&self) -> Option<&dyn Probe> {
        Some(&self.0)
    }
}

/// A password as a URL has it (RFC 3986, section 2.1).
pub(super) fn in_url(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

/// A text that is taken as it is where placeholders are filled in.
pub(super) fn as_it_is(text: &str) -> String {
    text.replace('{', "{{")
}

/// The server that this command runs, on loopback and a free port.
#[track_caller]
pub(super) fn served<S: 'static>(
    command: impl Into<Command>,
    scheme: &'static str,
) -> Coordinated<Ready<S>> {
    let ready = Ready {
        tcp: probe::tcp("127.0.0.1", 0),
        kind: PhantomData,
    };
    // Not elsewhere, since some complain of a directory that they can't enter.
    Coordinated::with(command, ready)
        .scheme(scheme)
        .current_dir("{dir}")
}

impl<S: 'static> Probe for Ready<S> {
    fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
        self.tcp.look(target)
    }

    fn wrapped(&self) -> Option<&dyn Probe> {
        Some(&self.tcp)
    }
}

impl<S> fmt::Debug for Ready<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tcp.fmt(f)
    }
}
