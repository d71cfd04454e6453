//! Checks that an answer means the same in pieces of any length, and that summon reads no more than
//! it needs.
#![no_main]

use std::io::{self, Read, Write};

use libfuzzer_sys::fuzz_target;
use summon::fuzzing::http;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

/// A server that answers in pieces of one length.
struct Server<'a> {
    answer: &'a [u8],
    piece: usize,
    /// Whether a signal interrupts the next read.
    interrupts: bool,
    heard: Vec<u8>,
}

impl Read for &mut Server<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.interrupts = !self.interrupts;
        if self.interrupts {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let length = self.piece.min(buffer.len()).min(self.answer.len());
        let (now, later) = self.answer.split_at(length);
        buffer[..length].copy_from_slice(now);
        self.answer = later;
        Ok(length)
    }
}

impl Write for &mut Server<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let length = self.piece.min(buffer.len());
        self.heard.extend(&buffer[..length]);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fuzz_target!(|answer: &[u8]| {
    let ask = |piece| {
        let mut server = Server {
            answer,
            piece,
            interrupts: false,
            heard: Vec::new(),
        };
        let said = http::ask(&mut server, REQUEST).map_err(|error| error.to_string());
        assert_eq!(server.heard, REQUEST);
        // The limits of the heads and of the body, and one more piece for each.
        assert!(answer.len() - server.answer.len() <= 2 * 1024 * 1024);
        said
    };
    let said = ask(usize::MAX);
    for piece in [1, 3, 256] {
        assert_eq!(ask(piece), said);
    }
    let line = answer.split_inclusive(|byte| *byte == b'\n').next();
    let line = line.unwrap_or_default();
    match said {
        // RFC 9112, section 4: HTTP-version SP status-code, and then a space or the end.
        Ok((status, _)) => {
            assert!(line.starts_with(b"HTTP/") && line.ends_with(b"\n"));
            let mut words = line.split(u8::is_ascii_whitespace);
            let code = words.nth(1).unwrap_or_default();
            // Interim answers come before the final one.
            let is_interim = code.starts_with(b"1") || code.starts_with(b"0");
            assert!(is_interim || code == format!("{status:03}").as_bytes());
        }
        Err(error) => assert!(!error.is_empty()),
    }
});
