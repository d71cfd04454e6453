//! The owner's side of a link.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::wardens;
use crate::guard::link::{Counts, Faults, LinkAnswer, LinkOrder, Separated};
use crate::guard::protocol::job::Task;
use crate::guard::protocol::wire;
use crate::sys::maker::Maker;
use crate::sys::subnet::Subnet;
use crate::sys::{streams, wait};

/// How long a link may take to answer. The limit is for a link that was halted.
const LIMIT: Duration = Duration::from_secs(30);
/// How long to wait for its end.
const END_LIMIT: Duration = Duration::from_secs(5);

/// The process of a link. Dropping it ends the link.
#[derive(Debug)]
pub(crate) struct LinkProcess {
    socket: UnixStream,
    maker: Maker,
}

impl LinkProcess {
    /// Starts a link that listens on this port of 127.0.0.1.
    pub(crate) fn start(
        name: &str,
        port: u16,
        lease: &OwnedFd,
        target: Option<SocketAddr>,
    ) -> io::Result<LinkProcess> {
        let task = Task::Link {
            name,
            addr: (Ipv4Addr::LOCALHOST, port).into(),
            lease: lease.as_fd(),
            target,
            clients: None,
        };
        let socket = start(&task)?;
        let maker = Maker::here();
        Ok(LinkProcess { socket, maker })
    }

    /// Puts faults into force, in place of the former ones.
    pub(crate) fn apply(&self, faults: Faults) -> io::Result<()> {
        self.order(&LinkOrder::Faults(faults)).map(drop)
    }

    /// Leads new connections to this address.
    pub(crate) fn lead_to(&self, target: SocketAddr) -> io::Result<()> {
        self.order(&LinkOrder::Target(target)).map(drop)
    }

    /// Separates these nodes, and no others, from the node behind the link.
    pub(crate) fn separate(&self, nodes: Separated) -> io::Result<()> {
        self.order(&LinkOrder::Separate(nodes)).map(drop)
    }

    pub(crate) fn counts(&self) -> io::Result<Counts> {
        self.order(&LinkOrder::Count)
    }

    /// Sends an order, and waits until it is in force. One thread at a time may do that.
    fn order(&self, order: &LinkOrder) -> io::Result<Counts> {
        // A forked child shares the socket, and would take the answers of its parent.
        if !self.maker.is_here() {
            return Err(io::Error::other(
                "only the process that made it can do that",
            ));
        }
        wire::send(&self.socket, &order.encode(), &[]).map_err(ended)?;
        self.answer()
    }

    fn answer(&self) -> io::Result<Counts> {
        answer(&self.socket)
    }
}

/// Starts a relay: a link without faults, for clients in these subnets. It listens at `addr`, which this
/// machine may get later, and ends with the returned socket.
pub(crate) fn start_relay(
    name: &str,
    addr: SocketAddr,
    lease: &OwnedFd,
    target: SocketAddr,
    clients: &[Subnet],
) -> io::Result<OwnedFd> {
    let task = Task::Link {
        name,
        addr,
        lease: lease.as_fd(),
        target: Some(target),
        clients: Some(clients),
    };
    start(&task).map(OwnedFd::from)
}

/// Starts the process of a link, and waits until it listens.
fn start(task: &Task<'_>) -> io::Result<UnixStream> {
    if let Some(why) = streams::NO_LINKS {
        return Err(io::Error::new(io::ErrorKind::Unsupported, why));
    }
    match try_start(task) {
        // The warden died with the request unread, so a new one may try once.
        Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {
            wardens::dismiss();
            try_start(task)
        }
        other => other,
    }
}

fn try_start(task: &Task<'_>) -> io::Result<UnixStream> {
    let socket = wardens::give_job(task, Instant::now() + LIMIT)?;
    socket.set_read_timeout(Some(LIMIT))?;
    answer(&socket)?;
    Ok(socket)
}

fn answer(socket: &UnixStream) -> io::Result<Counts> {
    let answer = wire::receive(socket).map_err(ended)?;
    let (body, _) = answer.ok_or_else(wardens::why_gone).map_err(ended)?;
    match LinkAnswer::decode(&body)? {
        LinkAnswer::Done(counts) => Ok(counts),
        LinkAnswer::Failed(errno) => Err(io::Error::from_raw_os_error(errno)),
    }
}

fn ended(error: io::Error) -> io::Error {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, WouldBlock};
    match error.kind() {
        BrokenPipe | ConnectionAborted | ConnectionReset => {
            io::Error::new(error.kind(), "its process has ended")
        }
        WouldBlock => io::Error::new(io::ErrorKind::TimedOut, "its process does not answer"),
        _ => error,
    }
}

impl Drop for LinkProcess {
    fn drop(&mut self) {
        // A forked child drops a copy, and the link must go on for its parent.
        if !self.maker.is_here() {
            return;
        }
        // The link sees the end even if a forked child holds a copy of the socket.
        let _ = self.socket.shutdown(Shutdown::Write);
        // It closes the socket last. So its port and its lease are free after this.
        let until = Instant::now() + END_LIMIT;
        let _ = wait::sleep(&[self.socket.as_fd()], Some(until));
    }
}
