//! The verbs of a link, in force until it is healed.

use super::fault::{Delay, Fault, Way, bytes_per_second};
use super::handle::Link;
use crate::error::Error;
use crate::size::Size;

impl Link {
    /// Resets all connections, and refuses new ones, as a server that was killed does. Undo it with
    /// [`heal`](Link::heal).
    ///
    /// ```no_run
    /// # let pg = summon::servers::Postgres::new().link()?;
    /// pg.cut()?;
    /// // .. the pool notices, and reconnects after this:
    /// pg.heal()?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the process of the link was killed.
    pub fn cut(&self) -> Result<(), Error> {
        self.put(&Fault::Cut)
    }

    /// Passes nothing on. Connections stay open, new ones succeed, and no byte is lost: after
    /// [`heal`](Link::heal) everything arrives. This tests the time-outs of requests. The kernel still
    /// acknowledges what clients send, and answers keep-alives.
    ///
    /// ```no_run
    /// # let api = summon::SimpleExecutor::new("my-api --port {port}").link()?;
    /// api.silence()?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the process of the link was killed.
    pub fn silence(&self) -> Result<(), Error> {
        self.put(&Fault::Silence(None))
    }

    /// Lets new connections hang, and passes nothing on, as a network that drops every packet does. This
    /// tests the time-outs of connects. After [`heal`](Link::heal), a client that still tries gets
    /// through with its next packet: the kernel sends it 1 s after the first one, then after 2 s more, and so on.
    ///
    /// ```no_run
    /// # let api = summon::SimpleExecutor::new("my-api --port {port}").link()?;
    /// api.blackhole()?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the process of the link was killed.
    pub fn blackhole(&self) -> Result<(), Error> {
        self.put(&Fault::Blackhole)
    }

    /// Delays what the server sends, so a round trip takes that much longer. A pair is a delay and its
    /// jitter: `("100ms", "20ms")` means 80 to 120 ms. Bytes keep their order. At most 1 MiB of a
    /// connection waits.
    ///
    /// ```no_run
    /// # let api = summon::SimpleExecutor::new("my-api --port {port}").link()?;
    /// api.delay("200ms")?;
    /// api.delay(("200ms", "50ms"))?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the text is not a duration, or the process of the link was killed.
    pub fn delay(&self, delay: impl Into<Delay>) -> Result<(), Error> {
        let (delay, jitter) = delay.into().get().map_err(|why| self.failed(&why))?;
        self.put(&Fault::Delay(Way::ToClient, delay, jitter))
    }

    /// Limits the bandwidth to so many bytes per second in each direction, for all connections of the
    /// link together.
    ///
    /// ```no_run
    /// # let api = summon::SimpleExecutor::new("my-api --port {port}").link()?;
    /// api.limit("1MB")?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the text is not a size, or the size is 0, or the process of the link was killed.
    pub fn limit(&self, per_second: impl Into<Size>) -> Result<(), Error> {
        let limit = bytes_per_second(&per_second.into()).map_err(|why| self.failed(&why))?;
        self.put(&Fault::Limit(None, limit))
    }

    /// Ends each connection when the client has got so many more bytes, in the middle of a message too.
    /// A connection that exists counts from now, and a new one from its beginning. The client
    /// sees the end of the stream.
    ///
    /// ```no_run
    /// # let api = summon::SimpleExecutor::new("my-api --port {port}").link()?;
    /// api.close_after("1KiB")?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the text is not a size, or the process of the link was killed.
    pub fn close_after(&self, bytes: impl Into<Size>) -> Result<(), Error> {
        let bytes = bytes.into().get().map_err(|why| self.failed(&why))?;
        self.put(&Fault::CloseAfter(Way::ToClient, bytes))
    }

    /// Undoes all faults. Delayed and silenced bytes arrive now.
    ///
    /// ```no_run
    /// # let api = summon::SimpleExecutor::new("my-api --port {port}").link()?;
    /// api.heal()?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the process of the link was killed.
    pub fn heal(&self) -> Result<(), Error> {
        self.end_all()
    }
}
