//! The packets of MariaDB's protocol, and the values in them.

/// The longest body of a packet. A longer message goes on in the next packet.
const LONGEST: usize = (1 << 24) - 1;

#[derive(Debug, Default)]
pub(super) struct Packets {
    inbox: Vec<u8>,
    pub(super) outbox: Vec<u8>,
    /// The number of the next packet. Both sides count on.
    number: u8,
}

impl Packets {
    /// Begins to count anew, for a statement.
    pub(super) fn begin(&mut self) {
        self.number = 0;
    }

    /// Sends a message.
    pub(super) fn put(&mut self, message: &[u8]) {
        let mut rest = message;
        loop {
            let (body, after) = rest.split_at(rest.len().min(LONGEST));
            self.outbox.extend(&(body.len() as u32).to_le_bytes()[..3]);
            self.outbox.push(self.number);
            self.outbox.extend(body);
            self.number = self.number.wrapping_add(1);
            rest = after;
            // A packet of full length is never the last.
            if body.len() < LONGEST {
                return;
            }
        }
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.inbox.extend(bytes);
    }

    /// Takes the body of the next packet, once it is complete. Returns `None` if its number is
    /// not the next one, or if a message is too long for one packet.
    #[expect(clippy::option_option, reason = "garbled, or incomplete")]
    pub(super) fn take(&mut self) -> Option<Option<Vec<u8>>> {
        let Some((header, rest)) = self.inbox.split_first_chunk::<4>() else {
            return Some(None);
        };
        let [a, b, c, number] = *header;
        let length = u32::from_le_bytes([a, b, c, 0]) as usize;
        if length == LONGEST || number != self.number {
            return None;
        }
        let Some(body) = rest.get(..length) else {
            return Some(None);
        };
        let body = body.to_vec();
        self.number = number.wrapping_add(1);
        self.inbox.drain(..4 + length);
        Some(Some(body))
    }
}

/// The rest of a packet. The methods take values off its front.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a>(pub(super) &'a [u8]);

impl<'a> Text<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    /// Takes a number of two bytes.
    pub(super) fn short(&mut self) -> Option<u16> {
        self.bytes(2).map(|it| u16::from_le_bytes([it[0], it[1]]))
    }

    /// Takes a number of one to nine bytes.
    pub(super) fn number(&mut self) -> Option<u64> {
        let first = self.bytes(1)?[0];
        let length = match first {
            0xfc => 2,
            0xfd => 3,
            0xfe => 8,
            0xfb | 0xff => return None,
            number => return Some(number.into()),
        };
        let mut number = [0; 8];
        number[..length].copy_from_slice(self.bytes(length)?);
        Some(u64::from_le_bytes(number))
    }

    /// Takes a text with its length before it.
    pub(super) fn counted(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.bytes(length)
    }

    pub(super) fn until_zero(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let text = self.bytes(end)?;
        self.bytes(1)?;
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_goes_on_in_the_next_packet() {
        let mut packets = Packets::default();
        packets.put(&vec![b'x'; LONGEST + 1]);
        assert_eq!(packets.outbox.len(), 4 + LONGEST + 4 + 1);
        assert_eq!(packets.outbox[..4], [0xff, 0xff, 0xff, 0]);
        assert_eq!(packets.outbox[4 + LONGEST..], [1, 0, 0, 1, b'x']);
        let mut packets = Packets::default();
        packets.put(&vec![b'x'; LONGEST]);
        assert_eq!(packets.outbox[4 + LONGEST..], [0, 0, 0, 1]);
        // The guard's statements have no such answers.
        packets.receive(b"\xff\xff\xff\x02");
        assert_eq!(packets.take(), None);
    }

    #[test]
    fn numbers_and_texts_have_their_lengths() {
        let mut text = Text(b"\x07\xfc\x01\x02\xfd\x01\0\0\xfe\x01\0\0\0\0\0\0\0\x02me");
        let numbers = [7, 0x201, 1, 1].map(Some);
        assert_eq!(numbers.map(|_| text.number()), numbers);
        assert_eq!(text.counted(), Some(&b"me"[..]));
        assert_eq!(text.number(), None);
        assert_eq!(Text(b"\xfc\x01").number(), None);
        assert_eq!(
            Text(b"\xfe\xff\xff\xff\xff\xff\xff\xff\xffme").counted(),
            None
        );
    }
}
