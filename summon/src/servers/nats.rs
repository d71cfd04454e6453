//! NATS.

use super::ready::{as_it_is, in_url};
use super::{Ready, found, marker, served};
use crate::executor::Coordinated;
use crate::process::Spec;
use crate::sys::Signal;

/// A NATS server. `.arg("--jetstream")` adds streams, which it keeps in its private directory.
///
/// ```no_run
/// use summon::servers::Nats;
///
/// let nats = Nats::new().arg("--jetstream");
/// nats.start()?;
/// assert!(nats.url("/").starts_with("nats://127.0.0.1:"));
/// # Ok::<(), summon::Error>(())
/// ```
///
/// The methods below set options of this server. [`Coordinated`] has the options of every executor.
/// [`Process`](crate::Process) has the verbs, such as `start`, `restart`, `stopped`, and `paused`.
pub type Nats = Coordinated<Ready<marker::Nats>>;

impl Nats {
    /// Runs the server on a free port.
    ///
    /// ```
    /// use summon::servers::Nats;
    ///
    /// let nats = Nats::new().arg("--jetstream").timeout("5s");
    /// ```
    #[track_caller]
    pub fn new() -> Nats {
        let server = found(&["nats-server"]);
        served([server.as_str(), "--addr", "127.0.0.1"], "nats://")
            .args(["--port", "{port}", "--store_dir", "{dir}"])
            // After SIGTERM it exits with code 1.
            .stop_signal(Signal::INT)
            // The server listens before it has set up its streams.
            .says("Server is ready")
            .in_image(in_image)
    }

    /// Sets the token that clients must give. Default: none.
    ///
    /// ```
    /// let nats = summon::servers::Nats::new().token("s3cret");
    /// assert_eq!(nats.url("/"), format!("nats://s3cret@127.0.0.1:{}/", nats.port()));
    /// ```
    pub fn token(self, token: impl AsRef<str>) -> Self {
        let token = token.as_ref();
        let scheme = format!("nats://{}@", in_url(token));
        self.args(["--auth", &as_it_is(token)]).scheme(scheme)
    }
}

/// The image runs the server with these arguments.
fn in_image(spec: &mut Spec, _: Option<&str>) -> Result<(), &'static str> {
    spec.command = ["--addr", "{host}", "--port", "{port}"].into();
    Ok(())
}

impl Default for Nats {
    fn default() -> Nats {
        Nats::new()
    }
}
