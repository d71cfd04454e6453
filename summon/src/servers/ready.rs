//! What the ready-made servers have in common.

use std::fmt;
use std::marker::PhantomData;

use crate::command::Command;
use crate::executor::Coordinated;
use crate::probe::{self, Endpoint, Explained, NotReady, Probe, Target, Tcp};

/// How a ready-made server is known to be ready: it serves its port, and has said that it is ready
/// if it does say so. It makes the executor of each kind a type of its own.
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

    fn describe(&self, target: &Target<'_>) -> String {
        self.tcp.describe(target)
    }

    fn explain(&self, target: &Target<'_>, last: &str) -> Explained {
        self.tcp.explain(target, last)
    }

    fn endpoint(&self) -> Option<Endpoint> {
        self.tcp.endpoint()
    }

    fn texts(&self) -> Vec<&str> {
        self.tcp.texts()
    }
}

impl<S> fmt::Debug for Ready<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tcp.fmt(f)
    }
}
