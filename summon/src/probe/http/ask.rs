//! One request, and as much of its answer as matters.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::url::Url;

/// Sends a request, and returns the status of the answer.
pub(super) fn ask(
    addr: SocketAddr,
    url: &Url<'_>,
    request: &[u8],
    limit: Instant,
) -> io::Result<u16> {
    let stream = Bounded::connect(addr, limit)?;
    if !url.is_tls {
        return exchange(stream, request);
    }
    #[cfg(feature = "tls")]
    return exchange(super::tls::wrap(stream, url.host)?, request);
    #[cfg(not(feature = "tls"))]
    Err(io::Error::other(super::url::NO_TLS))
}

/// A stream whose every step ends at the limit: a server that sends a byte a second gets no more
/// than that.
pub(super) struct Bounded {
    stream: TcpStream,
    limit: Instant,
}

impl Bounded {
    fn connect(addr: SocketAddr, limit: Instant) -> io::Result<Bounded> {
        let stream = TcpStream::connect_timeout(&addr, left(limit)?)?;
        Ok(Bounded { stream, limit })
    }
}

fn left(limit: Instant) -> io::Result<Duration> {
    let left = limit.saturating_duration_since(Instant::now());
    match left.is_zero() {
        true => Err(io::ErrorKind::TimedOut.into()),
        false => Ok(left),
    }
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(left(self.limit)?))?;
        self.stream.read(buffer)
    }
}

impl Write for Bounded {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(left(self.limit)?))?;
        self.stream.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A longer status line is none.
const LONGEST: usize = 1024;

/// Sends the request and reads the status line, which is all that matters here: what follows it
/// may be endless.
pub(super) fn exchange(mut stream: impl Read + Write, request: &[u8]) -> io::Result<u16> {
    stream.write_all(request)?;
    stream.flush()?;
    let mut line = Vec::new();
    while line.len() < LONGEST {
        let mut buffer = [0; 256];
        let read = match stream.read(&mut buffer) {
            Ok(0) if line.is_empty() => {
                return Err(io::Error::other(
                    "it closes the connection without an answer",
                ));
            }
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let before = line.len();
        line.extend(&buffer[..read.min(LONGEST - before)]);
        if let Some(end) = line[before..].iter().position(|byte| *byte == b'\n') {
            line.truncate(before + end + 1);
            return status(&line).ok_or_else(|| not_http(&line));
        }
    }
    Err(not_http(&line))
}

/// `HTTP/1.1 200 OK`, RFC 9112, section 4.
fn status(line: &[u8]) -> Option<u16> {
    let rest = line.strip_prefix(b"HTTP/")?;
    let space = rest.iter().position(|byte| *byte == b' ')?;
    let is_version = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let code = rest.get(space + 1..space + 4)?;
    let ends = |byte: &u8| byte.is_ascii_whitespace();
    if !rest[..space].iter().all(is_version)
        || !code.iter().all(u8::is_ascii_digit)
        || !rest.get(space + 4).is_some_and(ends)
    {
        return None;
    }
    std::str::from_utf8(code).ok()?.parse().ok()
}

fn not_http(line: &[u8]) -> io::Error {
    let shown = String::from_utf8_lossy(&line[..line.len().min(40)]);
    io::Error::other(format!("it answers, but not as HTTP does: {shown:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers in pieces.
    struct Server<'a>(Vec<&'a [u8]>);

    impl Read for Server<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            self.0.remove(0).read(buffer)
        }
    }

    impl Write for Server<'_> {
        fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
            Ok(buffer.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn answered(pieces: &[&[u8]]) -> Result<u16, String> {
        exchange(Server(pieces.to_vec()), b"").map_err(|error| error.to_string())
    }

    #[test]
    fn the_status_is_in_the_first_line_however_that_comes() {
        assert_eq!(answered(&[b"HTTP/1.1 2", b"04\r", b"\n"]), Ok(204));
        let two: [&[u8]; 2] = [b"HTTP/1.1\r\n", b"to: 200 \r\n"];
        for pieces in [&two[..], &[&two.concat()]] {
            let error = answered(pieces).unwrap_err();
            assert!(
                error.contains(r#"not as HTTP does: "HTTP/1.1\r\n""#),
                "{error}"
            );
        }
    }

    #[test]
    fn half_an_answer_is_shown() {
        let error = answered(&[]).unwrap_err();
        assert!(error.contains("without an answer"), "{error}");
        let error = answered(&[b"-ERR wrong"]).unwrap_err();
        assert!(
            error.ends_with(r#"not as HTTP does: "-ERR wrong""#),
            "{error}"
        );
    }

    #[test]
    fn an_endless_line_is_not_read_to_its_end() {
        let long = [b'x'; 200];
        let error = answered(&[&long[..]; 9]).unwrap_err();
        assert!(error.contains("not as HTTP does"), "{error}");
    }

    #[test]
    fn a_status_line_is_read_strictly() {
        assert_eq!(status(b"HTTP/1.1 200 OK\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 404\r\n"), Some(404));
        for line in [
            &b"SSH-2.0-OpenSSH\r\n"[..],
            b"HTTP/1.1 2000 OK\r\n",
            b"HTTP/what\never 200 OK\r\n",
            b"HTTP/1.1 20\r\n",
            b"HTTP/1.1\r\n",
            b"HTTP/1.1 +20 OK\r\n",
            b"\n",
        ] {
            assert_eq!(status(line), None, "{line:?}");
        }
    }
}
