//! The guard's side of a service that several processes use.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use super::listener::Listener;
use super::message::{News, Order, Use};
use crate::sys::peer::peer;

/// So many users are let in at once, so that those who come without end get their turn and no more.
const AT_ONCE: usize = 64;
/// Where there are no descriptors for a further user, the next look is so much later.
const REST: Duration = Duration::from_millis(100);

/// What makes a service one that several processes use.
pub(super) struct Sharing {
    pub(super) socket: UnixListener,
    pub(super) users: Vec<Listener>,
    yields: bool,
    /// What users need to know, once it is ready for them.
    pub(super) shared: Option<Vec<u8>>,
    /// Until then nobody is let in.
    rests: Option<Instant>,
}

impl Sharing {
    pub(super) fn new(socket: OwnedFd, yields: bool) -> Option<Sharing> {
        let socket = UnixListener::from(socket);
        socket.set_nonblocking(true).ok()?;
        Some(Sharing {
            socket,
            users: Vec::new(),
            yields,
            shared: None,
            rests: None,
        })
    }

    /// When to look again for who wants in, if not when the socket says so.
    pub(super) fn rests(&self) -> Option<Instant> {
        self.rests.filter(|until| Instant::now() < *until)
    }

    /// Whether it would end for somebody who wants its port.
    pub(super) fn is_to_be_had(&self) -> bool {
        self.yields && self.shared.is_some() && self.users.is_empty()
    }

    /// Hears what users say, and has `obey` do it. Those go who have closed; returns the tests of which
    /// they have not said that they have ended: these were killed.
    pub(super) fn hear_users(&mut self, mut obey: impl FnMut(&mut Listener, Order)) -> Vec<Use> {
        let mut killed = Vec::new();
        self.users.retain_mut(|user| {
            let is_open = user.hear().is_ok() && !user.is_lost;
            while let Some(frame) = user.take_frame() {
                if let Ok(order) = Order::decode(&frame) {
                    obey(user, order);
                }
            }
            if !is_open {
                killed.extend_from_slice(user.uses());
            }
            is_open
        });
        killed
    }

    /// Lets new users in, who are told the news so far.
    pub(super) fn meet_users(&mut self, mut news: Vec<News>) {
        news.extend(self.shared.clone().map(News::Shared));
        self.rests = None;
        for _ in 0..AT_ONCE {
            let socket = match self.socket.accept() {
                Ok((socket, _)) => socket,
                Err(error) => {
                    // It stays readable, and would be looked at without end.
                    let is_full = error.kind() != io::ErrorKind::WouldBlock
                        && crate::sys::is_shortage(&error);
                    self.rests = is_full.then(|| Instant::now() + REST);
                    return;
                }
            };
            // The socket's name is no secret; what is said there is for this user alone.
            if !peer(&socket).is_ok_and(|peer| peer.uid == crate::sys::user()) {
                continue;
            }
            if let Ok(mut user) = Listener::new(socket) {
                news.iter().for_each(|news| user.tell(news));
                self.users.push(user);
            }
        }
    }
}
