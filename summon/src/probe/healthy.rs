//! Ready when the health check of an image says so.

use super::exec;
use super::{Facts, NotReady, Probe, Target};

/// A probe that runs the health check of an image, made by [`healthy()`].
///
/// Use this name in types that hold the executor:
///
/// ```
/// use summon::{Coordinated, probe};
///
/// struct Queue {
///     server: Coordinated<probe::Healthy>,
/// }
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Healthy;

/// Waits until the health check of the [image](crate::Coordinated::image) exits with code 0: the
/// `HEALTHCHECK` of its Dockerfile, or `--health-cmd` among the
/// [`engine_args`](crate::Coordinated::engine_args).
///
/// summon runs the check in the container and repeats it like the command of [`exec`](super::exec()).
/// The interval of the engine, often 30 s, does not matter. If the image has no health check, the start
/// fails at once.
///
/// ```no_run
/// use summon::{Process, probe, summon};
///
/// #[summon(image = "rabbitmq:4", tcp, port = 5672, and(probe::healthy()))]
/// #[test]
/// fn delivers(rabbitmq: &Process) {
///     println!("{}", rabbitmq.addr());
/// }
///
/// // The same in code.
/// let rabbitmq = summon::TcpCoordinatedExecutor::new("", "localhost", 5672)
///     .image("rabbitmq:4")
///     .and(probe::healthy());
/// # fn main() {}
/// ```
pub fn healthy() -> Healthy {
    Healthy
}

impl Probe for Healthy {
    fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
        exec::look_with(target, "health check", || target.values().health_check())
    }

    fn describe(&self, _: &Target<'_>) -> String {
        "the health check of the image".to_owned()
    }

    fn facts(&self) -> Facts<'_> {
        Facts::default()
    }
}
