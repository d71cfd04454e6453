//! What happens to processes, told to those who collect it: with the feature `tracing`, the
//! subscribers of that crate. Without it nothing of this is left.

use std::time::Duration;

/// Something that takes a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    Start,
    Stop,
}

/// Something that happens meanwhile.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(feature = "tracing"),
    expect(dead_code, reason = "nobody looks at what is told")
)]
pub(crate) enum Moment<'a> {
    /// It waits for its turn on a port.
    Turn(u16),
    /// The program has been exec'ed.
    Launched(u32),
    /// A probe has seen what it waits for.
    Seen(&'a str),
    Ready(Duration),
    NotReady(&'a str),
    /// It is asked to end.
    Stopping(&'a str),
    /// It did not end within its grace, or was not given any.
    Killed,
    Gone,
}

/// The end of a span, when it is dropped.
#[must_use = "the span lasts as long as this"]
pub(crate) struct Entered {
    #[cfg(feature = "tracing")]
    _span: tracing::span::EnteredSpan,
}

/// Begins a span of this thread, about a process.
pub(crate) fn enter(span: Span, process: &str) -> Entered {
    #[cfg(feature = "tracing")]
    let entered = Entered {
        _span: match span {
            Span::Start => tracing::info_span!(target: "summon", "start", process).entered(),
            Span::Stop => tracing::info_span!(target: "summon", "stop", process).entered(),
        },
    };
    #[cfg(not(feature = "tracing"))]
    let entered = {
        let _ = (span, process);
        Entered {}
    };
    entered
}

pub(crate) fn tell(process: &str, moment: Moment<'_>) {
    #[cfg(feature = "tracing")]
    {
        use tracing::{debug, info, warn};
        match moment {
            Moment::Turn(port) => debug!(target: "summon", process, port, "waits for its turn"),
            Moment::Launched(pid) => debug!(target: "summon", process, pid, "is executed"),
            Moment::Seen(what) => debug!(target: "summon", process, what, "is seen"),
            Moment::Ready(took) => info!(target: "summon", process, ?took, "is ready"),
            Moment::NotReady(why) => warn!(target: "summon", process, why, "is not ready"),
            Moment::Stopping(signal) => debug!(target: "summon", process, signal, "is to end"),
            Moment::Killed => warn!(target: "summon", process, "is killed"),
            Moment::Gone => info!(target: "summon", process, "is gone"),
        }
    }
    #[cfg(not(feature = "tracing"))]
    let _ = (process, moment);
}

/// The span of a thread, for another one that does a part of its work.
#[derive(Clone)]
pub(crate) struct Context {
    #[cfg(feature = "tracing")]
    span: tracing::Span,
}

impl Context {
    pub(crate) fn here() -> Context {
        Context {
            #[cfg(feature = "tracing")]
            span: tracing::Span::current(),
        }
    }

    pub(crate) fn within<T>(&self, act: impl FnOnce() -> T) -> T {
        #[cfg(feature = "tracing")]
        let _entered = self.span.enter();
        act()
    }
}
