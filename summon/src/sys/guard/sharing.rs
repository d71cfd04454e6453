//! The guard's side of a service that several processes use.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;

use super::listener::Listener;
use super::message::{News, Order};
use crate::sys::ending;
use crate::sys::peer::peer;

/// What makes a service one that several processes use.
pub(super) struct Sharing {
    pub(super) socket: UnixListener,
    /// Can be read when the runner has ended. `None` once it was.
    pub(super) runner: Option<OwnedFd>,
    pub(super) users: Vec<Listener>,
    yields: bool,
    /// What users need to know, once it is ready for them.
    pub(super) shared: Option<Vec<u8>>,
}

impl Sharing {
    pub(super) fn new(
        socket: Option<OwnedFd>,
        runner: Option<OwnedFd>,
        yields: bool,
    ) -> Option<Sharing> {
        let socket = UnixListener::from(socket?);
        socket.set_nonblocking(true).ok()?;
        Some(Sharing {
            socket,
            runner: Some(ending::watch(runner?).ok()?),
            users: Vec::new(),
            yields,
            shared: None,
        })
    }

    /// Whether it would end for somebody who wants its port.
    pub(super) fn is_to_be_had(&self) -> bool {
        self.yields && self.shared.is_some() && self.users.is_empty()
    }

    /// Which users want to have in the log what was written by now, as [`Order::Sync`]; nothing else
    /// that they say is of interest. Those go who have closed.
    pub(super) fn hear_users(&mut self) -> Vec<(usize, u64)> {
        self.users.retain_mut(|user| user.hear().is_ok());
        let mut wanted = Vec::new();
        for (index, user) in self.users.iter_mut().enumerate() {
            while let Some(frame) = user.take_frame() {
                if let Ok(Order::Sync(number)) = Order::decode(&frame) {
                    wanted.push((index, number));
                }
            }
        }
        wanted
    }

    /// Lets new users in, who are told the news so far.
    pub(super) fn meet_users(&mut self, mut news: Vec<News>) {
        news.extend(self.shared.clone().map(News::Shared));
        while let Ok((socket, _)) = self.socket.accept() {
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
