//! The common parts of the ready-made servers.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::marker::PhantomData;
use std::net::TcpStream;
use std::time::Duration;

use crate::command::Command;
use crate::executor::Coordinated;
use crate::probe::{self, NotReady, Probe, Target, Tcp};
use crate::process::{InImage, Spec};

/// The probe of a ready-made server. It waits until the server serves its port and has written its
/// ready line, if it has one. `S` makes each executor, such as [`Redis`](super::Redis), a distinct
/// type.
///
/// ```
/// use summon::{Coordinated, servers::Ready};
///
/// /// Accepts every ready-made server.
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
    /// Sets a fixed port, such as the port in a `.env` file. Tests with the same port [take
    /// turns](crate::guide::ports). In the attribute it is `port = 6379`. Default: a free port. With
    /// an [image](crate::guide::images) it is the port in the container, and the port outside stays a free one.
    ///
    /// With [`reuse`](Coordinated::reuse) the executor uses a server that already runs there, such
    /// as a developer's own, and does not stop it. summon does not change its password or its
    /// databases.
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

    /// Also waits for this line, if summon has started the server.
    pub(super) fn says(self, banner: &str) -> Self {
        self.and(Started(probe::output(banner)))
    }

    /// Says how the server runs as a container. Arguments after this are the user's.
    pub(super) fn in_image(
        self,
        adapt: fn(&mut Spec, Option<&str>) -> Result<(), &'static str>,
    ) -> Self {
        self.change(|spec| {
            spec.in_image = Some(InImage {
                adapt,
                own_args: spec.args.len(),
                own_user: spec.user.clone(),
                password: None,
            });
        })
    }

    /// In a container, also waits until the server answers these bytes.
    pub(super) fn answers(self, hello: &'static [u8], begins: Option<u8>) -> Self {
        self.and(Answers { hello, begins })
    }

    /// Also waits for `READY=1`, if summon has started the server.
    pub(super) fn notifies(self) -> Self {
        self.and(Started(probe::notify()))
    }

    /// Sets the beginning of the URL: the scheme, the user, and the password.
    pub(super) fn user_in_url(self, scheme: &str, user: &str, password: &str) -> Self {
        let in_url = in_url(password);
        self.change(|spec| {
            if let Some(it) = &mut spec.in_image {
                it.password = Some(password.to_owned());
            }
        })
        .scheme(format!("{scheme}://{user}:{in_url}@"))
    }
}

/// What a server says once. A reused server said it before the test began.
struct Started<P>(P);

impl<P: Probe> Probe for Started<P> {
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

/// An official image may start its server twice, first without TCP. So its ready line does not say that the
/// second one serves, and its first byte does.
struct Answers {
    hello: &'static [u8],
    /// The first byte of the answer, if others say that the server is not ready.
    begins: Option<u8>,
}

/// Limits a question. The next look asks again.
const LIMIT: Duration = Duration::from_millis(500);

impl Answers {
    fn first_byte(&self, target: &Target<'_>) -> io::Result<u8> {
        let mut stream = TcpStream::connect_timeout(&target.addr(), LIMIT)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.write_all(self.hello)?;
        let mut first = [0];
        stream.read_exact(&mut first)?;
        Ok(first[0])
    }
}

impl Probe for Answers {
    fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
        if !target.is_contained() {
            return Ok(());
        }
        let first = self.first_byte(target);
        let first =
            first.map_err(|error| NotReady::yet(format!("it does not answer yet: {error}")))?;
        match self.begins.is_none_or(|begins| first == begins) {
            true => Ok(()),
            false => Err(NotReady::yet("it answers that it is not ready")),
        }
    }

    fn describe(&self, _: &Target<'_>) -> String {
        "an answer to a client".to_owned()
    }
}

/// Encodes a password for a URL (RFC 3986, section 2.1).
pub(super) fn in_url(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

/// Escapes a text that has no placeholders.
pub(super) fn as_it_is(text: &str) -> String {
    text.replace('{', "{{")
}

/// Returns an executor that runs this command on 127.0.0.1 and a free port.
#[track_caller]
pub(super) fn served<S: 'static>(
    command: impl Into<Command>,
    scheme: &'static str,
) -> Coordinated<Ready<S>> {
    let ready = Ready {
        tcp: probe::tcp("127.0.0.1", 0),
        kind: PhantomData,
    };
    // Some servers complain if they can't enter their working directory.
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

#[cfg(test)]
mod tests {
    use super::served;

    #[test]
    fn a_report_says_in_words_that_a_server_must_answer() {
        let server = served::<()>(["false"], "").answers(b"hello", None);
        let report = server.start().unwrap_err().to_string();
        let wanted = "\n            an answer to a client: not checked, since";
        assert!(report.contains(wanted), "{report}");
    }
}
