//! The verbs for one direction.

use super::fault::{Delay, Fault, Way, bytes_per_second};
use super::handle::Link;
use crate::error::Error;
use crate::size::Size;

/// One direction of a link. [`Link::one_way`] returns it.
///
/// ```no_run
/// use summon::Way;
///
/// # let api = summon::SimpleExecutor::new("my-api --port {port}").link()?;
/// api.one_way(Way::ToServer).delay("50ms")?;
/// let to_client = api.one_way(Way::ToClient);
/// to_client.silenced(|| println!("requests arrive, and no answer returns"))?;
/// # Ok::<(), summon::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct OneWay<'a> {
    pub(super) link: &'a Link,
    way: Way,
}

impl Link {
    /// Returns the verbs for one direction.
    ///
    /// ```no_run
    /// use summon::Way;
    ///
    /// # let api = summon::SimpleExecutor::new("my-api --port {port}").link()?;
    /// api.one_way(Way::ToServer).silence()?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    pub fn one_way(&self, way: Way) -> OneWay<'_> {
        OneWay { link: self, way }
    }
}

impl OneWay<'_> {
    pub(super) fn silent(&self) -> Fault {
        Fault::Silence(Some(self.way))
    }

    pub(super) fn slow(&self, delay: &Delay) -> Result<Fault, Error> {
        let (delay, jitter) = delay.get().map_err(|why| self.link.failed(&why))?;
        Ok(Fault::Delay(self.way, delay, jitter))
    }

    pub(super) fn narrow(&self, per_second: &Size) -> Result<Fault, Error> {
        let limit = bytes_per_second(per_second).map_err(|why| self.link.failed(&why))?;
        Ok(Fault::Limit(Some(self.way), limit))
    }

    pub(super) fn short(&self, bytes: &Size) -> Result<Fault, Error> {
        let bytes = bytes.get().map_err(|why| self.link.failed(&why))?;
        Ok(Fault::CloseAfter(self.way, bytes))
    }

    /// Passes nothing on in this direction. See [`Link::silence`].
    ///
    /// ```no_run
    /// use summon::Way;
    ///
    /// # let api = summon::SimpleExecutor::new("my-api --port {port}").link()?;
    /// api.one_way(Way::ToClient).silence()?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the process of the link was killed.
    pub fn silence(&self) -> Result<(), Error> {
        self.link.put(&self.silent())
    }

    /// Delays this direction. See [`Link::delay`].
    ///
    /// ```no_run
    /// use summon::Way;
    ///
    /// # let api = summon::SimpleExecutor::new("my-api --port {port}").link()?;
    /// api.one_way(Way::ToServer).delay(("50ms", "10ms"))?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the text is not a duration, or the process of the link was killed.
    pub fn delay(&self, delay: impl Into<Delay>) -> Result<(), Error> {
        self.link.put(&self.slow(&delay.into())?)
    }

    /// Limits the bandwidth of this direction, in bytes per second. See [`Link::limit`].
    ///
    /// ```no_run
    /// use summon::Way;
    ///
    /// # let api = summon::SimpleExecutor::new("my-api --port {port}").link()?;
    /// api.one_way(Way::ToServer).limit("100kB")?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the text is not a size, or the size is 0, or the process of the link was killed.
    pub fn limit(&self, per_second: impl Into<Size>) -> Result<(), Error> {
        self.link.put(&self.narrow(&per_second.into())?)
    }

    /// Ends each connection when so many more bytes have passed in this direction. The receiver sees the
    /// end of the stream, and the sender that the connection was closed. See [`Link::close_after`].
    ///
    /// ```no_run
    /// use summon::Way;
    ///
    /// # let api = summon::SimpleExecutor::new("my-api --port {port}").link()?;
    /// api.one_way(Way::ToServer).close_after(10)?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the text is not a size, or the process of the link was killed.
    pub fn close_after(&self, bytes: impl Into<Size>) -> Result<(), Error> {
        self.link.put(&self.short(&bytes.into())?)
    }
}
