//! Mosquitto.

use super::{Ready, found, marker, served};
use crate::executor::Coordinated;
use crate::process::Spec;

/// A Mosquitto, which serves MQTT to all clients on this machine, and stores nothing.
///
/// ```no_run
/// use summon::servers::Mosquitto;
///
/// let broker = Mosquitto::new();
/// broker.start()?;
/// assert!(broker.url("/").starts_with("mqtt://127.0.0.1:"));
/// # Ok::<(), summon::Error>(())
/// ```
///
/// The methods below set options of this server. [`Coordinated`] has the options of every executor.
/// [`Process`](crate::Process) has the verbs, such as `start`, `restart`, `stopped`, and `paused`.
pub type Mosquitto = Coordinated<Ready<marker::Mosquitto>>;

impl Mosquitto {
    /// Runs the broker on a free port. It needs version 2, which without a configuration file serves
    /// clients on loopback only.
    ///
    /// ```
    /// use summon::servers::Mosquitto;
    ///
    /// let broker = Mosquitto::new().arg("-v").timeout("5s");
    /// ```
    #[track_caller]
    pub fn new() -> Mosquitto {
        let server = found(&["mosquitto"]);
        served([server.as_str(), "-p", "{port}"], "mqtt://").in_image(in_image)
    }
}

/// Without a file, the broker serves clients on loopback only.
fn in_image(spec: &mut Spec, _: Option<&str>) -> Result<(), &'static str> {
    spec.command = ["mosquitto", "-c", "{dir}/mosquitto.conf"].into();
    let config = "listener {port} {host}\nallow_anonymous true\n";
    let file = ("mosquitto.conf".into(), config.into());
    spec.files.push(file);
    Ok(())
}

impl Default for Mosquitto {
    fn default() -> Mosquitto {
        Mosquitto::new()
    }
}
