//! The socket for notices of a service (`sd_notify(3)`).
//!
//! The guard reads it while the service runs. A service that continues to send its status must not
//! block after the owner has stopped waiting.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use crate::guard::state::Notice;
use crate::sys::notices::{self, LONGEST, Socket};

pub(super) struct Notify(Socket);

/// The number of messages read at once, so that a service that sends without pause can't keep the
/// guard here.
const AT_ONCE: usize = 64;
/// The maximum length of a status in reports.
const STATUS: usize = 500;

impl Notify {
    pub(super) fn bind(name: &str) -> io::Result<Notify> {
        Ok(Notify(notices::bind(name)?))
    }

    /// Adds new messages to `notice`. Returns whether there were any.
    pub(super) fn hear(&self, notice: &mut Notice) -> bool {
        let mut heard = false;
        for _ in 0..AT_ONCE {
            let mut buffer = [0; LONGEST];
            match self.0.receive(&mut buffer) {
                Ok(Some(message)) => {
                    notice.add(message);
                    heard = true;
                }
                // The message is too long, or another process sent it.
                Ok(None) => {}
                Err(_) => break,
            }
        }
        heard
    }
}

impl AsFd for Notify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Notice {
    /// Adds a message: lines of `NAME=value`. Unknown names are ignored.
    pub(in crate::guard) fn add(&mut self, message: &[u8]) {
        for line in message.split(|byte| *byte == b'\n') {
            // Messages may be garbage, since any descendant of the service can send them.
            let Some(equals) = line.iter().position(|byte| *byte == b'=') else {
                continue;
            };
            let (name, value) = (&line[..equals], &line[equals + 1..]);
            match name {
                b"READY" if value == b"1" => self.ready = true,
                b"STOPPING" if value == b"1" => self.say("it is stopping"),
                b"STATUS" => self.say(&String::from_utf8_lossy(value)),
                b"ERRNO" => {
                    if let Some(errno) = number(value).and_then(|errno| errno.try_into().ok()) {
                        self.say(&io::Error::from_raw_os_error(errno).to_string());
                    }
                }
                b"EXTEND_TIMEOUT_USEC" => {
                    self.extend = number(value).map(Duration::from_micros);
                }
                _ => {}
            }
        }
    }

    fn say(&mut self, status: &str) {
        self.status = status.chars().take(STATUS).collect();
    }
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(messages: &[&[u8]]) -> Notice {
        let mut notice = Notice::default();
        messages.iter().for_each(|message| notice.add(message));
        notice
    }

    #[test]
    fn messages_are_lines_of_which_the_known_ones_count() {
        let said = notice(&[b"STATUS=half way\nMAINPID=7\nEXTEND_TIMEOUT_USEC=5000000\n"]);
        assert_eq!(said.status, "half way");
        assert_eq!(said.extend, Some(Duration::from_secs(5)));
        assert!(!said.ready);
        assert!(notice(&[b"STATUS=a", b"READY=1"]).ready);
        assert_eq!(
            notice(&[b"ERRNO=2"]).status,
            "No such file or directory (os error 2)"
        );
    }

    #[test]
    fn garbage_says_nothing() {
        for garbage in [
            &b""[..],
            b"\n\n=\n",
            b"READY",
            b"READY=yes",
            b"ready=1",
            b"\xff\xfe=\x00",
            b"EXTEND_TIMEOUT_USEC=-1",
            b"ERRNO=99999999999999999999",
        ] {
            assert_eq!(notice(&[garbage]), Notice::default(), "{garbage:?}");
        }
        let long = [&b"STATUS="[..], &[b'x'; 4000]].concat();
        assert_eq!(notice(&[&long]).status.len(), STATUS);
    }
}
