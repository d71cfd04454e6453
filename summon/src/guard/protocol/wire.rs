//! Frames on a stream socket between a test process, its warden, and its guards: a length (`u32`),
//! then as many bytes. Descriptors travel with the length.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage,
};

use crate::sys::sockets;

/// The maximum number of descriptors in one message (SCM_MAX_FD in `unix(7)`).
const MOST_FDS: usize = 253;
/// The maximum length of a valid frame. The kernel limits arguments and environment to less.
const LONGEST: usize = 64 << 20;

/// Puts the length before a frame.
pub(crate) fn frame(body: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(4 + body.len());
    framed.extend((body.len() as u32).to_ne_bytes());
    framed.extend(body);
    framed
}

/// Like [`frame`], without allocation. `N` is the length of both.
pub(crate) fn framed<const N: usize>(body: &[u8]) -> [u8; N] {
    let mut framed = [0; N];
    framed[..4].copy_from_slice(&(body.len() as u32).to_ne_bytes());
    framed[4..].copy_from_slice(body);
    framed
}

/// Takes one whole frame from the front of the bytes read so far.
///
/// The inbox is a deque, because a vector would move all later bytes for each frame. A peer that
/// sends tiny frames without pause could keep the guard here for seconds.
pub(crate) fn take_frame(inbox: &mut VecDeque<u8>) -> io::Result<Option<Vec<u8>>> {
    if inbox.len() < 4 {
        return Ok(None);
    }
    let length = u32::from_ne_bytes([inbox[0], inbox[1], inbox[2], inbox[3]]) as usize;
    // Checked first: otherwise the inbox would grow while it waits for bytes that never come.
    if length > LONGEST {
        return Err(garbled());
    }
    if inbox.len() < 4 + length {
        return Ok(None);
    }
    Ok(Some(inbox.drain(..4 + length).skip(4).collect()))
}

/// Sends a frame, with the descriptors attached to its first bytes. The socket must block. Surplus
/// descriptors go ahead in empty frames.
pub(crate) fn send(socket: &UnixStream, body: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut rest = fds;
    // The kernel refuses more in one message (EINVAL). The receiver collects them until a frame
    // with a body arrives.
    while rest.len() > MOST_FDS {
        let (first, others) = rest.split_at(MOST_FDS);
        send_one(socket, &[], first)?;
        rest = others;
    }
    send_one(socket, body, rest)
}

fn send_one(mut socket: &UnixStream, body: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let framed = frame(body);
    let mut space = vec![MaybeUninit::uninit(); SendAncillaryMessage::ScmRights(fds).size()];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(io::Error::other("too many descriptors for one frame"));
    }
    let sent = retry(|| {
        let parts = [IoSlice::new(&framed)];
        // Without SIGPIPE: a closed socket must be an error (EPIPE) here, and not the end of the
        // test.
        rustix::net::sendmsg(socket, &parts, &mut ancillary, sockets::SEND)
    })?;
    // A short write is possible, for example when a signal arrives. The kernel attached the
    // descriptors to the first byte, so the rest goes out without them. A second `sendmsg` would
    // send them twice.
    let mut rest = &framed[sent..];
    while !rest.is_empty() {
        let sent = retry(|| rustix::net::send(socket, rest, sockets::SEND))?;
        rest = &rest[sent..];
    }
    socket.flush()
}

/// Receives a frame and its descriptors, all close-on-exec. The socket must block. `None` means
/// that the other end has closed.
pub(crate) fn receive(mut socket: &UnixStream) -> io::Result<Option<(Vec<u8>, Vec<OwnedFd>)>> {
    let mut fds = Vec::new();
    // Empty frames only carry descriptors for the frame that follows.
    let mut length = 0;
    while length == 0 {
        let mut bytes = [0u8; 4];
        let mut have = 0;
        // A stream may split even the four bytes of the length, and the descriptors come with any
        // of the pieces. So each piece is read with room for descriptors.
        while have < bytes.len() {
            let read = receive_some(socket, &mut bytes[have..], &mut fds)?;
            if read == 0 {
                return Ok(None);
            }
            have += read;
        }
        length = u32::from_ne_bytes(bytes) as usize;
    }
    // Checked before the allocation: a garbled length must not take all memory.
    if length > LONGEST {
        return Err(garbled());
    }
    let mut body = vec![0; length];
    match socket.read_exact(&mut body) {
        Ok(()) => Ok(Some((body, fds))),
        // The sender died within a frame. That is the same as its death before the frame.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// Receives a frame without descriptors, and keeps the bytes behind it in `inbox`. The socket must
/// block. `None` means that the other end has closed.
pub(crate) fn receive_next(
    mut socket: &UnixStream,
    inbox: &mut VecDeque<u8>,
) -> io::Result<Option<Vec<u8>>> {
    let mut buffer = [0; 4096];
    loop {
        if let Some(frame) = take_frame(inbox)? {
            return Ok(Some(frame));
        }
        match socket.read(&mut buffer) {
            Ok(0) => return Ok(None),
            Ok(read) => inbox.extend(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn receive_some(socket: &UnixStream, into: &mut [u8], fds: &mut Vec<OwnedFd>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let message = retry(|| {
        let mut parts = [IoSliceMut::new(into)];
        rustix::net::recvmsg(socket.as_fd(), &mut parts, &mut ancillary, sockets::RECEIVE)
    })?;
    // The kernel closed the descriptors that did not fit, or that the limit of open files forbids
    // (`unix(7)`). The remaining ones would be taken for the wrong fields.
    if message.flags.contains(ReturnFlags::CTRUNC) {
        return Err(io::Error::other("no room for the descriptors of a frame"));
    }
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            fds.extend(received.map(sockets::received));
        }
    }
    Ok(message.bytes)
}

fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(rustix::io::Errno::INTR) => {}
            other => return other.map_err(io::Error::from),
        }
    }
}

pub(crate) fn garbled() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a frame that makes no sense")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_received_one_by_one_however_they_were_written() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let bytes = [frame(b"one"), frame(b""), frame(&[7; 5000])].concat();
        let writer = std::thread::spawn(move || {
            ours.write_all(&bytes[..2]).unwrap();
            ours.write_all(&bytes[2..]).unwrap();
            // The beginning of a frame whose sender died.
            ours.write_all(&frame(b"two")[..6]).unwrap();
        });
        let mut inbox = VecDeque::new();
        let mut next = || receive_next(&theirs, &mut inbox).unwrap();
        assert_eq!(next().as_deref(), Some(&b"one"[..]));
        assert_eq!(next().as_deref(), Some(&b""[..]));
        assert_eq!(next().as_deref(), Some(&[7; 5000][..]));
        assert_eq!(next(), None);
        writer.join().unwrap();
    }
    use std::time::{Duration, Instant};

    #[test]
    fn a_frame_arrives_whole_with_its_descriptors() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let null = std::fs::File::open("/dev/null").unwrap();
        // More than a socket buffers.
        let long = vec![7; 1 << 20];
        std::thread::scope(|threads| {
            threads.spawn(|| send(&ours, &long, &[null.as_fd(), null.as_fd()]).unwrap());
            let (body, fds) = receive(&theirs).unwrap().unwrap();
            assert_eq!((body, fds.len()), (long.clone(), 2));
        });
        drop(ours);
        assert!(receive(&theirs).unwrap().is_none());
    }

    #[test]
    fn a_frame_may_have_more_descriptors_than_a_message() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let null = std::fs::File::open("/dev/null").unwrap();
        let zero = std::fs::File::open("/dev/zero").unwrap();
        for count in [MOST_FDS, MOST_FDS + 1, 600] {
            let mut fds = vec![null.as_fd(); count];
            fds[count - 1] = zero.as_fd();
            send(&ours, b"all", &fds).unwrap();
            let (body, fds) = receive(&theirs).unwrap().unwrap();
            assert_eq!((body.as_slice(), fds.len()), (b"all".as_slice(), count));
            // In the order of sending.
            let device = |fd: BorrowedFd<'_>| rustix::fs::fstat(fd).unwrap().st_rdev;
            assert_eq!(device(fds[count - 1].as_fd()), device(zero.as_fd()));
        }
    }

    #[test]
    fn a_frame_is_taken_only_when_it_is_whole() {
        let whole = frame(b"frame");
        let mut inbox = VecDeque::new();
        for byte in &whole[..whole.len() - 1] {
            inbox.push_back(*byte);
            assert_eq!(take_frame(&mut inbox).unwrap(), None);
        }
        inbox.push_back(whole[whole.len() - 1]);
        assert_eq!(take_frame(&mut inbox).unwrap().unwrap(), b"frame");
        assert!(inbox.is_empty());
        assert!(take_frame(&mut vec![0xff; 8].into()).is_err());
    }

    #[test]
    fn the_time_for_a_frame_does_not_depend_on_the_bytes_behind_it() {
        let count = 1 << 20;
        let mut inbox: VecDeque<u8> = frame(b"").repeat(count).into();
        // The limit is far above the time for a million frames, and far below the time for as many
        // moves of megabytes.
        let limit = Instant::now() + Duration::from_secs(20);
        for _ in 0..count {
            assert_eq!(take_frame(&mut inbox).unwrap().unwrap(), b"");
            assert!(Instant::now() < limit, "{} bytes are left", inbox.len());
        }
        assert!(inbox.is_empty());
    }
}
