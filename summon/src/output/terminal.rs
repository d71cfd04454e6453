//! Reduces output to the lines that a terminal shows, without control sequences that move the
//! cursor or change colours (<https://invisible-island.net/xterm/ctlseqs/ctlseqs.html>).

/// The maximum number of blanks for a cursor movement to the right.
const MOST_BLANKS: u16 = 200;

/// A terminal that keeps only its position in a control sequence, which may arrive in pieces.
#[derive(Debug, Default)]
pub(super) struct Terminal {
    state: State,
    /// A carriage return has ended the line, and a line feed right after it ends the same line.
    after_return: bool,
    /// The line before the shown text has not ended: its beginning is shown elsewhere.
    is_open: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Text,
    /// After ESC.
    Escape,
    /// After ESC and an intermediate byte such as `(`, which selects a character set.
    Intermediate,
    /// After `ESC [`, with the first parameter so far.
    Csi { parameter: u16, is_first: bool },
    /// In a string for the terminal, such as a window title or the address of a hyperlink.
    Command,
    /// In such a string, after ESC.
    CommandEscape,
}

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;
const CAN: u8 = 0x18;
const SUB: u8 = 0x1a;

/// The bytes with a meaning outside of control sequences.
const SPECIAL: [u8; 5] = [ESC, b'\r', 0x08, 0x0b, 0x0c];
/// The length of the part that is searched for all special bytes at once.
const WINDOW: usize = 4096;

/// Returns whether a terminal shows these bytes as they are.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    plain_length(bytes) == bytes.len()
}

/// Returns the length of the plain text at the beginning.
fn plain_length(bytes: &[u8]) -> usize {
    let mut length = 0;
    for window in bytes.chunks(WINDOW) {
        // The standard library's search is fast in debug builds too.
        if SPECIAL.iter().any(|special| window.contains(special)) {
            let is_special = |byte: &u8| matches!(byte, 0x08 | 0x0b..=0x0d | 0x1b);
            let special = window.iter().position(is_special);
            return length + special.unwrap_or(window.len());
        }
        length += window.len();
    }
    length
}

impl Terminal {
    /// Appends the visible text to `shown`, with a line feed after each line. `is_open` says whether
    /// an unfinished line was taken out before `shown`. Returns how much of the earlier contents is
    /// unchanged: a backspace removes the last character of a line.
    pub(super) fn show(&mut self, bytes: &[u8], shown: &mut Vec<u8>, is_open: bool) -> usize {
        self.is_open = is_open;
        let mut kept = shown.len();
        let mut rest = bytes;
        while let Some(&byte) = rest.first() {
            if let State::Text = self.state {
                if std::mem::take(&mut self.after_return) && byte == b'\n' {
                    rest = &rest[1..];
                    continue;
                }
                let length = plain_length(rest);
                if length > 0 {
                    shown.extend_from_slice(&rest[..length]);
                    rest = &rest[length..];
                    continue;
                }
            }
            // A byte that interrupts a sequence is processed again, as text.
            if self.take(byte, shown, &mut kept) {
                rest = &rest[1..];
            }
        }
        kept
    }

    /// Returns whether the byte was consumed.
    fn take(&mut self, byte: u8, shown: &mut Vec<u8>, kept: &mut usize) -> bool {
        let is_line_feed = byte == b'\n';
        let (next, is_used) = match (self.state, byte) {
            (State::Text, _) => {
                self.act(byte, shown, kept);
                return true;
            }
            // A line feed is never swallowed, even within a sequence.
            (_, b'\n' | CAN | SUB) => (State::Text, !is_line_feed),
            (State::Escape, b'[') => (
                State::Csi {
                    parameter: 0,
                    is_first: true,
                },
                true,
            ),
            (State::Escape, b']' | b'P' | b'X' | b'^' | b'_') => (State::Command, true),
            (State::Escape | State::Intermediate, 0x20..=0x2f) => (State::Intermediate, true),
            (State::Escape, b'E' | b'D' | b'M' | b'c') => {
                // The next line, the previous line, or an empty screen.
                self.end_line(shown);
                (State::Text, true)
            }
            (State::Escape | State::Intermediate, 0x30..=0x7e) => (State::Text, true),
            (
                State::Csi {
                    parameter,
                    is_first,
                },
                b'0'..=b'9',
            ) => {
                let digit = u16::from(byte - b'0');
                let parameter = match is_first {
                    true => parameter.saturating_mul(10).saturating_add(digit),
                    false => parameter,
                };
                (
                    State::Csi {
                        parameter,
                        is_first,
                    },
                    true,
                )
            }
            (State::Csi { parameter, .. }, 0x20..=0x3f) => {
                let is_first = false;
                (
                    State::Csi {
                        parameter,
                        is_first,
                    },
                    true,
                )
            }
            (State::Csi { parameter, .. }, 0x40..=0x7e) => {
                self.control(byte, parameter, shown);
                (State::Text, true)
            }
            (State::Command, BEL) => (State::Text, true),
            (State::Command, ESC) => (State::CommandEscape, true),
            (State::Command, _) => (State::Command, true),
            (State::CommandEscape, b'\\') => (State::Text, true),
            // The end of the string, and the beginning of another sequence.
            (State::CommandEscape, _) => (State::Escape, false),
            // An interrupted sequence.
            (_, ESC) => (State::Escape, true),
            _ => (State::Text, false),
        };
        self.state = next;
        is_used
    }

    fn act(&mut self, byte: u8, shown: &mut Vec<u8>, kept: &mut usize) {
        match byte {
            ESC => self.state = State::Escape,
            b'\r' => {
                self.end_line(shown);
                self.after_return = true;
            }
            0x08 => {
                // Removes all bytes of one character.
                while let Some(last) = shown.last().copied().filter(|last| *last != b'\n') {
                    shown.pop();
                    if !(0x80..0xc0).contains(&last) {
                        break;
                    }
                }
                *kept = shown.len().min(*kept);
            }
            _ => shown.push(b'\n'),
        }
    }

    /// Applies `ESC [ parameter byte` if it affects lines.
    fn control(&mut self, byte: u8, parameter: u16, shown: &mut Vec<u8>) {
        match (byte, parameter) {
            (b'C', count) => {
                let blanks = usize::from(count.clamp(1, MOST_BLANKS));
                shown.resize(shown.len() + blanks, b' ');
            }
            // To another line, or to the beginning of this line.
            (b'A' | b'B' | b'E' | b'F' | b'H' | b'd' | b'f', _) => self.end_line(shown),
            (b'G' | b'`', 0 | 1) => self.end_line(shown),
            // Erases the line or the screen.
            (b'J' | b'K', 1 | 2) => self.end_line(shown),
            _ => {}
        }
    }

    /// Ends the line, because the next output does not continue it.
    fn end_line(&mut self, shown: &mut Vec<u8>) {
        // At the start of a line there is nothing to end. Empty contents are such a start, unless
        // they follow a line of which the beginning was taken out.
        let is_at_start = match shown.last() {
            Some(last) => *last == b'\n',
            None => !self.is_open,
        };
        if !is_at_start {
            shown.push(b'\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut whole = Vec::new();
        Terminal::default().show(text.as_bytes(), &mut whole, false);
        let (mut terminal, mut bytewise) = (Terminal::default(), Vec::new());
        for byte in text.as_bytes().chunks(1) {
            terminal.show(byte, &mut bytewise, false);
        }
        assert_eq!(whole, bytewise, "{text:?}");
        String::from_utf8(whole).unwrap()
    }

    #[test]
    fn what_is_no_text_is_left_out() {
        for text in [
            "\x1b[32mready\x1b[0m",
            "\x1b[1;38;5;10mre\x1b[39mady\x1b[m",
            "\x1b[?25lready\x1b[?25h\x1b[K\x1b[0K",
            "\x1b]0;a title\x07ready",
            "\x1b]8;;http://localhost:80/\x1b\\ready\x1b]8;;\x1b\\",
            "\x1b(Bready\x1b)0\x0f".trim_end_matches('\x0f'),
            "\x1b%Gready\x1b7\x1b8\x1b=\x1b>",
            "\x1bPq#0\x1b\\ready\x1b[>4;2m\x1b[ q",
            "x\x08ready",
            "\u{2714}\x08ready",
            "\x1b[3\x1b[32mready",
        ] {
            assert_eq!(shown(text), "ready", "{text:?}");
        }
        assert_eq!(shown("ready\x1b[1Cto\x1b[2Cgo"), "ready to  go");
    }

    #[test]
    fn what_begins_a_line_anew_ends_the_one_before() {
        for text in [
            "10%\rready",
            "10%\r\x1b[2Kready",
            "10%\x1b[2K\x1b[1Gready",
            "10%\x1b[Gready",
            "10%\x1b[2J\x1b[3J\x1b[Hready",
            "10%\x1bcready",
            "10%\r\nready",
            "10%\r\r\nready",
            "10%\x1b[1Aready",
        ] {
            assert_eq!(shown(text).replace("\n\n", "\n"), "10%\nready", "{text:?}");
        }
    }

    #[test]
    fn a_sequence_that_never_ends_swallows_no_line() {
        assert_eq!(shown("\x1b]0;title\nready"), "\nready");
        assert_eq!(shown("\x1b[32\nready"), "\nready");
        assert_eq!(shown("\x1b[32\u{e4}ready"), "\u{e4}ready");
        assert_eq!(shown("a\x08\x08\x08b\n\x08c"), "b\nc");
    }
}
