//! The verbs that undo themselves.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::fault::{Delay, Fault, Way, bytes_per_second};
use super::handle::Link;
use super::one_way::OneWay;
use crate::error::Error;
use crate::size::Size;
use crate::sys::maker::Maker;

/// Calls `body`, and then `undo`, even if `body` panics.
pub(crate) fn undoing<R>(
    body: impl FnOnce() -> R,
    undo: impl FnOnce() -> Result<(), Error>,
) -> Result<R, Error> {
    let maker = Maker::here();
    let result = catch_unwind(AssertUnwindSafe(body));
    // A child that `body` has forked may return from `body` too. It must not change the link.
    let undone = match maker.is_here() {
        true => undo(),
        false => Ok(()),
    };
    match result {
        Ok(result) => undone.map(|()| result),
        Err(panic) => {
            if let Err(error) = undone {
                eprintln!("{error}");
            }
            resume_unwind(panic)
        }
    }
}

impl Link {
    /// Puts the fault into force, calls `body`, and undoes the fault, even if `body` panics.
    pub(super) fn during<R>(&self, fault: &Fault, body: impl FnOnce() -> R) -> Result<R, Error> {
        let number = self.begin(fault)?;
        undoing(body, || self.end(number, fault))
    }

    /// Cuts the link ([`cut`](Link::cut)) while `body` runs. Returns the result of `body`.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use std::net::TcpStream;
    ///
    /// let server = summon::SimpleExecutor::new("sleep 100 {port}").listen_fd(true);
    /// server.start()?;
    /// let link = server.link()?;
    /// let refused = link.while_cut(|| TcpStream::connect(link.addr()).is_err())?;
    /// assert!(refused && TcpStream::connect(link.addr()).is_ok());
    /// # }
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the process of the link was killed.
    pub fn while_cut<R>(&self, body: impl FnOnce() -> R) -> Result<R, Error> {
        self.during(&Fault::Cut, body)
    }

    /// Silences the link ([`silence`](Link::silence)) while `body` runs. Returns the result of `body`.
    ///
    /// ```no_run
    /// # let api = summon::SimpleExecutor::new("my-api --port {port}").link()?;
    /// api.silenced(|| println!("no answer now"))?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the process of the link was killed.
    pub fn silenced<R>(&self, body: impl FnOnce() -> R) -> Result<R, Error> {
        self.during(&Fault::Silence(None), body)
    }

    /// Makes the link a blackhole ([`blackhole`](Link::blackhole)) while `body` runs. Returns the result
    /// of `body`.
    ///
    /// ```no_run
    /// # let api = summon::SimpleExecutor::new("my-api --port {port}").link()?;
    /// api.blackholed(|| println!("connects time out now"))?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the process of the link was killed.
    pub fn blackholed<R>(&self, body: impl FnOnce() -> R) -> Result<R, Error> {
        self.during(&Fault::Blackhole, body)
    }

    /// Delays what the server sends ([`delay`](Link::delay)) while `body` runs. Returns the result of
    /// `body`.
    ///
    /// ```no_run
    /// # let pg = summon::servers::Postgres::new().link()?;
    /// pg.delayed("200ms", || println!("each query takes 200 ms longer"))?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the text is not a duration, or the process of the link was killed.
    pub fn delayed<R>(
        &self,
        delay: impl Into<Delay>,
        body: impl FnOnce() -> R,
    ) -> Result<R, Error> {
        self.one_way(Way::ToClient).delayed(delay, body)
    }

    /// Limits the bandwidth ([`limit`](Link::limit)) while `body` runs. Returns the result of `body`.
    ///
    /// ```no_run
    /// # let api = summon::SimpleExecutor::new("my-api --port {port}").link()?;
    /// api.limited("64KiB", || println!("64 KiB per second"))?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the text is not a size, or the size is 0, or the process of the link was killed.
    pub fn limited<R>(
        &self,
        per_second: impl Into<Size>,
        body: impl FnOnce() -> R,
    ) -> Result<R, Error> {
        let limit = bytes_per_second(&per_second.into()).map_err(|why| self.failed(&why))?;
        self.during(&Fault::Limit(None, limit), body)
    }

    /// Ends each connection after so many bytes ([`close_after`](Link::close_after)) while `body` runs.
    /// Returns the result of `body`.
    ///
    /// ```no_run
    /// # let api = summon::SimpleExecutor::new("my-api --port {port}").link()?;
    /// api.closed_after(100, || println!("no answer is longer than 100 bytes"))?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the text is not a size, or the process of the link was killed.
    pub fn closed_after<R>(
        &self,
        bytes: impl Into<Size>,
        body: impl FnOnce() -> R,
    ) -> Result<R, Error> {
        self.one_way(Way::ToClient).closed_after(bytes, body)
    }
}

impl OneWay<'_> {
    /// Silences this direction while `body` runs. Returns the result of `body`. See
    /// [`Link::silenced`].
    ///
    /// ```no_run
    /// use summon::Way;
    ///
    /// # let api = summon::SimpleExecutor::new("my-api --port {port}").link()?;
    /// api.one_way(Way::ToClient).silenced(|| println!("requests arrive, and no answer returns"))?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the process of the link was killed.
    pub fn silenced<R>(&self, body: impl FnOnce() -> R) -> Result<R, Error> {
        self.link.during(&self.silent(), body)
    }

    /// Delays this direction while `body` runs. Returns the result of `body`. See [`Link::delayed`].
    ///
    /// ```no_run
    /// use summon::Way;
    ///
    /// # let api = summon::SimpleExecutor::new("my-api --port {port}").link()?;
    /// api.one_way(Way::ToServer).delayed("50ms", || println!("requests are slow"))?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the text is not a duration, or the process of the link was killed.
    pub fn delayed<R>(
        &self,
        delay: impl Into<Delay>,
        body: impl FnOnce() -> R,
    ) -> Result<R, Error> {
        self.link.during(&self.slow(&delay.into())?, body)
    }

    /// Limits the bandwidth of this direction while `body` runs. Returns the result of `body`. See
    /// [`Link::limited`].
    ///
    /// ```no_run
    /// use summon::Way;
    ///
    /// # let api = summon::SimpleExecutor::new("my-api --port {port}").link()?;
    /// api.one_way(Way::ToServer).limited("100kB", || println!("uploads are slow"))?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the text is not a size, or the size is 0, or the process of the link was killed.
    pub fn limited<R>(
        &self,
        per_second: impl Into<Size>,
        body: impl FnOnce() -> R,
    ) -> Result<R, Error> {
        self.link.during(&self.narrow(&per_second.into())?, body)
    }

    /// Ends each connection after so many bytes in this direction while `body` runs. Returns the result
    /// of `body`. See [`Link::closed_after`].
    ///
    /// ```no_run
    /// use summon::Way;
    ///
    /// # let api = summon::SimpleExecutor::new("my-api --port {port}").link()?;
    /// api.one_way(Way::ToServer).closed_after(10, || println!("requests end early"))?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the text is not a size, or the process of the link was killed.
    pub fn closed_after<R>(
        &self,
        bytes: impl Into<Size>,
        body: impl FnOnce() -> R,
    ) -> Result<R, Error> {
        self.link.during(&self.short(&bytes.into())?, body)
    }
}
