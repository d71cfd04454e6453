//! One request and the relevant part of its answer.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use summon_syntax::url::Url;

use super::answer::{Answer, Reader, Wanted};
use super::no_answer::NoAnswer;
use crate::sys::fd::{AsFd, BorrowedFd};

/// The reason for a missing answer.
#[derive(Debug)]
pub(super) enum Failed {
    Io(io::Error),
    NoAnswer(NoAnswer),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Failed {
        Failed::Io(error)
    }
}

impl From<NoAnswer> for Failed {
    fn from(why: NoAnswer) -> Failed {
        Failed::NoAnswer(why)
    }
}

/// A request and its answer on a non-blocking stream.
#[derive(Debug)]
pub(super) struct Exchange<S> {
    stream: S,
    request: Vec<u8>,
    sent: usize,
    reader: Reader,
}

impl<S: Read + Write> Exchange<S> {
    pub(super) fn new(stream: S, request: Vec<u8>, wanted: Wanted) -> Exchange<S> {
        Exchange {
            stream,
            request,
            sent: 0,
            reader: Reader::new(wanted),
        }
    }

    /// Sends and reads as much as possible without waiting. Returns `None` while the answer is
    /// incomplete.
    pub(super) fn go_on(&mut self) -> Result<Option<Answer>, Failed> {
        let mut is_stuck = false;
        loop {
            let has_sent = self.send()?;
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(Some(self.reader.end()?)),
                Ok(read) => {
                    if let Some(answer) = self.reader.take(&buffer[..read])? {
                        return Ok(Some(answer));
                    }
                    is_stuck = false;
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    // TLS must read the server's part of the handshake before it can send the request,
                    // so give up only after a read and a write in a row have made no progress.
                    io::ErrorKind::WouldBlock if self.is_sent() || (is_stuck && !has_sent) => {
                        return Ok(None);
                    }
                    io::ErrorKind::WouldBlock => is_stuck = true,
                    // rustls reports a close without `close_notify` this way.
                    io::ErrorKind::UnexpectedEof => return Ok(Some(self.reader.end()?)),
                    _ => {
                        return match self.reader.end() {
                            // A server that closes before it has read the whole request resets the
                            // connection, possibly after its answer.
                            Ok(answer) => Ok(Some(answer)),
                            Err(_) => Err(error.into()),
                        };
                    }
                },
            }
        }
    }

    /// Sends more of the request. Returns whether any byte was sent.
    fn send(&mut self) -> io::Result<bool> {
        let before = self.sent;
        while !self.is_sent() {
            match self.stream.write(&self.request[self.sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // The server may have answered and closed before it read everything. Read its answer.
                Err(_) if self.sent > 0 => self.sent = self.request.len(),
                Err(error) => return Err(error),
            }
        }
        if self.sent > before {
            match self.stream.flush() {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
        }
        Ok(self.sent > before)
    }

    pub(super) fn is_sent(&self) -> bool {
        self.sent == self.request.len()
    }

    pub(super) fn is_in_body(&self) -> bool {
        self.reader.is_in_body()
    }

    pub(super) fn status(&self) -> Option<u16> {
        self.reader.status()
    }

    /// Returns the answer so far, once its status has come.
    pub(super) fn so_far(&self) -> Option<Answer> {
        self.reader.so_far()
    }
}

/// An exchange with a server, which continues from one look to the next.
#[derive(Debug)]
pub(super) struct Talk {
    exchange: Exchange<Stream>,
    pub(super) began: Instant,
    /// The arrival of the status.
    pub(super) answered: Option<Instant>,
}

impl Talk {
    /// Connects, and blocks until `limit` at most. All later operations are non-blocking.
    pub(super) fn begin(
        addr: SocketAddr,
        url: &Url<'_>,
        request: Vec<u8>,
        wanted: Wanted,
        limit: Instant,
    ) -> io::Result<Talk> {
        let began = Instant::now();
        let left = limit.saturating_duration_since(began);
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let tcp = TcpStream::connect_timeout(&addr, left)?;
        tcp.set_nonblocking(true)?;
        Ok(Talk {
            exchange: Exchange::new(Stream::on(tcp, url)?, request, wanted),
            began,
            answered: None,
        })
    }

    pub(super) fn go_on(&mut self) -> Result<Option<Answer>, Failed> {
        let answer = self.exchange.go_on();
        if self.answered.is_none() && self.status().is_some() {
            self.answered = Some(Instant::now());
        }
        answer
    }

    pub(super) fn status(&self) -> Option<u16> {
        self.exchange.status()
    }

    pub(super) fn is_sent(&self) -> bool {
        self.exchange.is_sent()
    }

    pub(super) fn so_far(&self) -> Option<Answer> {
        self.exchange.so_far()
    }

    pub(super) fn is_in_body(&self) -> bool {
        self.exchange.is_in_body()
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.exchange.stream {
            Stream::Plain(tcp) => tcp.as_fd(),
            #[cfg(feature = "tls")]
            Stream::Tls(tls) => tls.sock.as_fd(),
        }
    }
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<super::tls::Stream>),
}

impl Stream {
    fn on(tcp: TcpStream, url: &Url<'_>) -> io::Result<Stream> {
        if !url.is_tls {
            return Ok(Stream::Plain(tcp));
        }
        #[cfg(feature = "tls")]
        return Ok(Stream::Tls(Box::new(super::tls::wrap(tcp, url.host)?)));
        #[cfg(not(feature = "tls"))]
        Err(io::Error::other(summon_syntax::url::NO_TLS))
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(tcp) => tcp.read(buffer),
            #[cfg(feature = "tls")]
            Stream::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(tcp) => tcp.write(buffer),
            #[cfg(feature = "tls")]
            Stream::Tls(tls) => tls.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(tcp) => tcp.flush(),
            #[cfg(feature = "tls")]
            Stream::Tls(tls) => tls.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that reads a few bytes at a time and answers in pieces with pauses.
    struct Server<'a> {
        answer: &'a [u8],
        heard: Vec<u8>,
        reads: usize,
        writes: usize,
    }

    /// Fails with `WouldBlock` every other time.
    fn wait(times: &mut usize) -> io::Result<()> {
        *times += 1;
        match *times % 2 {
            1 => Err(io::ErrorKind::WouldBlock.into()),
            _ => Ok(()),
        }
    }

    impl Read for Server<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            wait(&mut self.reads)?;
            let length = self.answer.len().min(3);
            let (now, later) = self.answer.split_at(length);
            buffer[..length].copy_from_slice(now);
            self.answer = later;
            Ok(length)
        }
    }

    impl Write for Server<'_> {
        fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
            wait(&mut self.writes)?;
            let length = buffer.len().min(3);
            self.heard.extend(&buffer[..length]);
            Ok(length)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_exchange_goes_on_where_it_was() {
        let server = Server {
            answer: b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
            heard: Vec::new(),
            reads: 0,
            writes: 0,
        };
        let wanted = Wanted {
            allowed: crate::number_set::Statuses::from(200..=299),
            body: true,
            is_head: false,
        };
        let request = b"GET / HTTP/1.1\r\n\r\n".to_vec();
        let mut exchange = Exchange::new(server, request.clone(), wanted);
        let answer = (0..1000).find_map(|_| exchange.go_on().unwrap());
        assert_eq!(answer.unwrap().status, 204);
        assert_eq!(exchange.stream.heard, request);
    }
}
