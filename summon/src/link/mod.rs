//! Links: a private way to a server, on which a test can break the network.

mod connections;
mod ended;
mod fault;
mod handle;
mod history;
mod in_force;
mod one_way;
mod scoped;
mod verbs;

pub use connections::Connections;
pub(crate) use ended::Ended;
pub use fault::{Delay, Way};
pub use handle::Link;
pub(crate) use handle::{Separating, Server, WeakLink};
pub use one_way::OneWay;
pub(crate) use scoped::undoing;
