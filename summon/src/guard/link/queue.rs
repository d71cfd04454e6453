//! Bytes that wait for their time. Their order never changes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// An item of the queue.
#[derive(Debug)]
struct Item {
    /// When it came from its sender.
    came: Instant,
    due: Instant,
    what: What,
}

#[derive(Debug)]
enum What {
    Bytes(Vec<u8>),
    End(End),
}

/// An end of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The sender has closed its half.
    Closed,
    /// The connection was reset.
    Reset,
}

/// The next thing in the queue.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<'a> {
    Bytes(&'a [u8]),
    End(End),
    /// Nothing is due before this time.
    Later(Instant),
    Nothing,
}

/// Delayed bytes of one direction of a connection.
#[derive(Debug, Default)]
pub(super) struct Queue {
    items: VecDeque<Item>,
    /// The number of bytes already taken from the first item.
    gone: usize,
    length: usize,
}

impl Queue {
    /// Returns the number of bytes.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Adds bytes that are due after this delay.
    pub(super) fn push(&mut self, bytes: &[u8], now: Instant, delay: Duration) {
        self.length += bytes.len();
        self.add(What::Bytes(bytes.to_vec()), now, delay);
    }

    /// Adds the end of the stream.
    pub(super) fn end(&mut self, end: End, now: Instant, delay: Duration) {
        self.add(What::End(end), now, delay);
    }

    fn add(&mut self, what: What, came: Instant, delay: Duration) {
        // A delay varies. Later bytes must not overtake earlier ones.
        let due = came + delay;
        let due = self.items.back().map_or(due, |last| due.max(last.due));
        self.items.push_back(Item { came, due, what });
    }

    /// Returns the next item if it is due. No item waits longer than `most`: the delay may have become
    /// shorter since the item came. The order stays, since each item came after the one before.
    pub(super) fn next(&self, now: Instant, most: Duration) -> Next<'_> {
        let Some(item) = self.items.front() else {
            return Next::Nothing;
        };
        let due = item.due.min(item.came + most);
        match &item.what {
            _ if due > now => Next::Later(due),
            What::Bytes(bytes) => Next::Bytes(&bytes[self.gone..]),
            What::End(end) => Next::End(*end),
        }
    }

    /// Removes so many bytes of the first item, which were sent.
    pub(super) fn remove(&mut self, count: usize) {
        self.length -= count;
        self.gone += count;
        if let Some(What::Bytes(bytes)) = self.items.front().map(|item| &item.what) {
            if self.gone >= bytes.len() {
                self.items.pop_front();
                self.gone = 0;
            }
        }
    }

    /// Removes everything.
    pub(super) fn clear(&mut self) {
        *self = Queue::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn bytes_are_due_after_their_delay_and_never_overtake_each_other() {
        let now = Instant::now();
        let mut queue = Queue::default();
        queue.push(b"first", now, 100 * MS);
        // A shorter delay, which must not overtake.
        queue.push(b"second", now + MS, 10 * MS);
        queue.end(End::Closed, now + 2 * MS, Duration::ZERO);
        assert_eq!(queue.len(), 11);
        assert_eq!(queue.next(now, 100 * MS), Next::Later(now + 100 * MS));
        let then = now + 100 * MS;
        assert_eq!(queue.next(then, 100 * MS), Next::Bytes(b"first"));
        queue.remove(2);
        assert_eq!(queue.next(then, 100 * MS), Next::Bytes(b"rst"));
        queue.remove(3);
        assert_eq!(queue.next(then, 100 * MS), Next::Bytes(b"second"));
        queue.remove(6);
        assert_eq!(queue.next(then, 100 * MS), Next::End(End::Closed));
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn a_shorter_delay_holds_for_what_is_under_way() {
        let now = Instant::now();
        let mut queue = Queue::default();
        queue.push(b"first", now, 100 * MS);
        queue.push(b"second", now + MS, 10 * MS);
        assert_eq!(queue.next(now, 10 * MS), Next::Later(now + 10 * MS));
        let then = now + 10 * MS;
        assert_eq!(queue.next(then, 10 * MS), Next::Bytes(b"first"));
        queue.remove(5);
        assert_eq!(queue.next(then, 10 * MS), Next::Later(then + MS));
        assert_eq!(queue.next(then, 100 * MS), Next::Later(now + 100 * MS));
    }

    #[test]
    fn without_a_delay_everything_is_due() {
        let now = Instant::now();
        let mut queue = Queue::default();
        queue.push(b"bytes", now, 100 * MS);
        assert_eq!(queue.next(now, Duration::ZERO), Next::Bytes(b"bytes"));
        queue.clear();
        assert_eq!(queue.next(now, Duration::ZERO), Next::Nothing);
        assert!(queue.is_empty());
    }
}
