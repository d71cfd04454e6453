//! How a link waits for its next event: it sleeps, or looks for it again and again.
//!
//! To wake a process on an idle processor takes longer than to pass a message on. So if the last message came
//! soon, and the wake-up took most of that time, the link looks for the next one for a moment before it sleeps.
//! It leaves the processor to every process that wants it. An idle link sleeps.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crate::sys::events::{Event, Events};

/// How long to look.
const LOOK: Duration = Duration::from_micros(150);
/// A process on a busy processor wakes sooner than this.
const QUICK: Duration = Duration::from_micros(30);
/// After this time between two looks, another process has used the processor.
const PAUSE: Duration = Duration::from_micros(20);
/// How many times to look before a sleep shows how long a wake-up takes now.
const LOOKS: u32 = 64;
/// More bytes are a stream, which keeps the link busy.
const MESSAGE: u64 = 16 << 10;

/// How to wait.
#[derive(Debug, Default)]
pub(super) struct Attention {
    /// How many times to look before the next sleep.
    looks: u32,
}

impl Attention {
    /// Waits for events, or until `due`. `moved` is the number of bytes that were passed on since the last
    /// wait.
    pub(super) fn wait(
        &mut self,
        events: &mut Events,
        due: Option<Instant>,
        moved: u64,
    ) -> io::Result<Vec<Event>> {
        // If bytes wait for their time, a look can't find them earlier.
        if due.is_some() || !(1..=MESSAGE).contains(&moved) {
            return events.wait(due);
        }
        let began = Instant::now();
        if self.looks > 0 {
            self.looks -= 1;
            let found = self.look(events, began)?;
            if !found.is_empty() {
                return Ok(found);
            }
            return events.wait(None);
        }
        let found = events.wait(None)?;
        if (QUICK..LOOK).contains(&began.elapsed()) {
            self.looks = LOOKS;
        }
        Ok(found)
    }

    fn look(&mut self, events: &mut Events, began: Instant) -> io::Result<Vec<Event>> {
        let mut before = began;
        loop {
            let found = events.look()?;
            let now = Instant::now();
            let is_over = now - began > LOOK || now - before > PAUSE;
            if is_over {
                self.looks = 0;
            }
            if is_over || !found.is_empty() {
                return Ok(found);
            }
            before = now;
            thread::yield_now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::wait;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    /// A link whose last message has come in the time of a look.
    fn awake() -> Attention {
        Attention { looks: LOOKS }
    }

    fn watched() -> (UnixStream, UnixStream, Events) {
        let (sender, receiver) = UnixStream::pair().unwrap();
        let events = Events::new().unwrap();
        events.add_while_readable(&receiver, 7).unwrap();
        (sender, receiver, events)
    }

    #[test]
    fn a_look_finds_what_has_come_and_goes_on() {
        let (mut sender, _receiver, mut events) = watched();
        sender.write_all(b"!").unwrap();
        // Another process may take the processor in between, and then the link sleeps next time.
        let found = (0..1000).any(|_| {
            let mut attention = awake();
            let found = attention.wait(&mut events, None, 1).unwrap();
            assert!(found.len() == 1 && found[0].token == 7);
            attention.looks == LOOKS - 1
        });
        assert!(found);
    }

    #[test]
    fn a_link_without_messages_sleeps() {
        let (mut sender, _receiver, mut events) = watched();
        thread::scope(|threads| {
            threads.spawn(|| {
                let _ = wait::sleep(&[], Some(Instant::now() + Duration::from_millis(300)));
                sender.write_all(b"!").unwrap();
            });
            let mut attention = awake();
            let before = processor_time();
            let found = attention.wait(&mut events, None, 1).unwrap();
            let took = processor_time() - before;
            assert_eq!(found.len(), 1);
            assert!(took < Duration::from_millis(100), "{took:?}");
            // It sleeps at once next time.
            assert_eq!(attention.looks, 0);
        });
    }

    #[test]
    fn a_stream_and_a_time_need_no_look() {
        let (_sender, _receiver, mut events) = watched();
        let mut attention = awake();
        let due = Some(Instant::now());
        assert!(attention.wait(&mut events, due, 1).unwrap().is_empty());
        assert!(attention.wait(&mut events, due, 0).unwrap().is_empty());
        assert_eq!(attention.looks, LOOKS);
    }

    /// Returns the time that this thread has computed.
    fn processor_time() -> Duration {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }
}
