//! Bytes that wait for their time. Their order never changes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// An item of the queue.
#[derive(Debug)]
enum Item {
    Bytes { due: Instant, bytes: Vec<u8> },
    End { due: Instant, end: End },
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
        let due = self.not_before_the_last(now + delay);
        self.length += bytes.len();
        let bytes = bytes.to_vec();
        self.items.push_back(Item::Bytes { due, bytes });
    }

    /// Adds the end of the stream.
    pub(super) fn end(&mut self, end: End, now: Instant, delay: Duration) {
        let due = self.not_before_the_last(now + delay);
        self.items.push_back(Item::End { due, end });
    }

    /// A delay varies, or becomes shorter. Later bytes must not overtake earlier ones.
    fn not_before_the_last(&self, due: Instant) -> Instant {
        self.items.back().map_or(due, |last| due.max(last.due()))
    }

    /// Returns the next item if it is due. With `at_once`, every item is due.
    pub(super) fn next(&self, now: Instant, at_once: bool) -> Next<'_> {
        match self.items.front() {
            None => Next::Nothing,
            Some(item) if !at_once && item.due() > now => Next::Later(item.due()),
            Some(Item::Bytes { bytes, .. }) => Next::Bytes(&bytes[self.gone..]),
            Some(Item::End { end, .. }) => Next::End(*end),
        }
    }

    /// Removes so many bytes of the first item, which were sent.
    pub(super) fn remove(&mut self, count: usize) {
        self.length -= count;
        self.gone += count;
        if let Some(Item::Bytes { bytes, .. }) = self.items.front() {
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

impl Item {
    fn due(&self) -> Instant {
        let (Item::Bytes { due, .. } | Item::End { due, .. }) = self;
        *due
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
        assert_eq!(queue.next(now, false), Next::Later(now + 100 * MS));
        let then = now + 100 * MS;
        assert_eq!(queue.next(then, false), Next::Bytes(b"first"));
        queue.remove(2);
        assert_eq!(queue.next(then, false), Next::Bytes(b"rst"));
        queue.remove(3);
        assert_eq!(queue.next(then, false), Next::Bytes(b"second"));
        queue.remove(6);
        assert_eq!(queue.next(then, false), Next::End(End::Closed));
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn without_a_delay_everything_is_due() {
        let now = Instant::now();
        let mut queue = Queue::default();
        queue.push(b"bytes", now, 100 * MS);
        assert_eq!(queue.next(now, true), Next::Bytes(b"bytes"));
        queue.clear();
        assert_eq!(queue.next(now, true), Next::Nothing);
        assert!(queue.is_empty());
    }
}
