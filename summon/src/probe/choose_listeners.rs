//! The choice of listeners that make a service ready.

/// The owner whose listener on the port means that a service is ready. It is the value of
/// [`Coordinated::listener`](crate::Coordinated::listener).
///
/// ```
/// use summon::{TcpCoordinatedExecutor, probe::Listener};
///
/// TcpCoordinatedExecutor::new("docker run -p {port}:80 nginx", "localhost", 0)
///     .listener(Listener::Any);
/// assert_eq!(Listener::default(), Listener::Own);
/// ```
///
/// In the attribute it may be text, which the compiler checks:
///
/// ```
/// use summon::{Process, probe::Listener, summon};
///
/// #[summon(tcp = "docker run -p {port}:80 nginx", listener = "any")]
/// #[summon(tcp = "docker run -p {port}:80 nginx", listener = Listener::Any)]
/// fn both(text: &Process, value: &Process) {}
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Listener {
    /// The process or one of its descendants.
    #[default]
    Own,
    /// Any process of the machine, such as a container engine.
    Any,
}
