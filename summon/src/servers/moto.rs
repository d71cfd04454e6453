//! moto.

use super::{Ready, found, marker, served};
use crate::executor::Coordinated;
use crate::process::Spec;

/// A moto server, which imitates S3, SQS, DynamoDB, and more services of AWS in memory. Install it with
/// `pip install 'moto[server]'`.
///
/// ```no_run
/// use summon::servers::Moto;
///
/// let aws = Moto::new();
/// aws.start()?;
/// assert!(aws.url("").starts_with("http://127.0.0.1:"));
/// # Ok::<(), summon::Error>(())
/// ```
///
/// The methods below set options of this server. [`Coordinated`] has the options of every executor.
/// [`Process`](crate::Process) has the verbs, such as `start`, `restart`, `stopped`, and `paused`.
pub type Moto = Coordinated<Ready<marker::Moto>>;

impl Moto {
    /// Runs the server on a free port. Its URL is the endpoint of all services: set it as
    /// `AWS_ENDPOINT_URL` or as the endpoint of a client. Any region and any credentials work, and S3
    /// needs addresses with the bucket in the path.
    ///
    /// ```
    /// use summon::{Process, servers::Moto, summon};
    ///
    /// #[summon(
    ///     tcp = "uploader --port {port}",
    ///     env("AWS_ENDPOINT_URL", "http://127.0.0.1:{aws.port}"),
    ///     env("AWS_ACCESS_KEY_ID", "test"),
    ///     env("AWS_SECRET_ACCESS_KEY", "test"),
    ///     env("AWS_REGION", "us-east-1")
    /// )]
    /// #[summon(executor = Moto::new())]
    /// #[test]
    /// fn uploads(uploader: &Process, aws: &Moto) {}
    /// # fn main() {}
    /// ```
    #[track_caller]
    pub fn new() -> Moto {
        let server = found(&["moto_server"]);
        served(
            [server.as_str(), "-H", "127.0.0.1", "-p", "{port}"],
            "http://",
        )
        .in_image(in_image)
    }
}

/// The image runs the server with these arguments, on all addresses.
fn in_image(spec: &mut Spec, _: Option<&str>) -> Result<(), &'static str> {
    spec.command = ["-p", "{port}"].into();
    Ok(())
}

impl Default for Moto {
    fn default() -> Moto {
        Moto::new()
    }
}
