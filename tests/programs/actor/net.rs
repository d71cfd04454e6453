//! The actor's servers. Each function listens before it returns, and serves on a thread.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) fn bind(addr: &str) -> TcpListener {
    TcpListener::bind(addr).unwrap_or_else(|error| {
        eprintln!("can't listen on {addr}: {error}");
        std::process::exit(1)
    })
}

fn serve(addr: &str, each: impl FnMut(usize, TcpStream) + Send + 'static) {
    serve_on(bind(addr), each);
}

fn serve_on(listener: TcpListener, mut each: impl FnMut(usize, TcpStream) + Send + 'static) {
    thread::spawn(move || {
        for (count, stream) in listener.incoming().flatten().enumerate() {
            each(count + 1, stream);
        }
    });
}

/// Sends each connection its number.
pub(crate) fn listen(addr: &str) {
    count_on(bind(addr));
}

pub(crate) fn count_on(listener: TcpListener) {
    serve_on(listener, |count, mut stream| {
        let _ = writeln!(stream, "{count}");
    });
}

/// Answers an HTTP-like request with a number. Reads the request first: a close with unread data
/// resets the connection, and may lose the answer.
pub(crate) fn chat(addr: &str) {
    serve(addr, |count, mut stream| {
        let _ = head(&stream);
        let _ = writeln!(stream, "{count}");
    });
}

pub(crate) fn http(addr: &str, status: &str) {
    let status = status.to_owned();
    answer(addr, move || status.clone());
}

pub(crate) fn sick(addr: &str, milliseconds: u64) {
    let well = Instant::now() + Duration::from_millis(milliseconds);
    answer(addr, move || {
        let status = if Instant::now() < well { "503" } else { "200" };
        status.to_owned()
    });
}

static IS_WELL: AtomicBool = AtomicBool::new(false);

/// Answers 503 until [`recover`].
pub(crate) fn ill(addr: &str) {
    answer(addr, || match IS_WELL.load(Ordering::Relaxed) {
        true => "200".to_owned(),
        false => "503".to_owned(),
    });
}

pub(crate) fn recover() {
    IS_WELL.store(true, Ordering::Relaxed);
}

/// Answers 503, and recovers soon after a request.
pub(crate) fn heal(addr: &str, request: usize, milliseconds: u64) {
    let asked = AtomicUsize::new(0);
    answer(addr, move || {
        if IS_WELL.load(Ordering::Relaxed) {
            return "200".to_owned();
        }
        if asked.fetch_add(1, Ordering::Relaxed) + 1 == request {
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(milliseconds));
                let work = Instant::now() + Duration::from_millis(1);
                while Instant::now() < work {}
                recover();
                println!("well");
            });
        }
        "503".to_owned()
    });
}

fn answer(addr: &str, status: impl Fn() -> String + Send + 'static) {
    serve(addr, move |_, mut stream| {
        let head = head(&stream);
        let status = status();
        let _ = write!(
            stream,
            "HTTP/1.1 {status} Some\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{head}",
            head.len()
        );
    });
}

pub(crate) fn respond(addr: &str, text: &str) {
    let text = text.replace(';', "\r\n");
    serve(addr, move |_, mut stream| {
        let _ = head(&stream);
        let _ = stream.write_all(text.as_bytes());
    });
}

pub(crate) fn begin(addr: &str, text: &str) {
    let text = text.replace(';', "\r\n");
    let mut held = Vec::new();
    serve(addr, move |_, mut stream| {
        let _ = head(&stream);
        let _ = stream.write_all(text.as_bytes());
        held.push(stream);
    });
}

pub(crate) fn limited(addr: &str, seconds: u64) {
    let mut first = None;
    serve(addr, move |_, mut stream| {
        let _ = head(&stream);
        let again = Duration::from_secs(seconds);
        let status = match first {
            None => format!("429 Too Many Requests\r\nRetry-After: {seconds}"),
            Some(first) if Instant::now() < first + again => std::process::exit(9),
            Some(_) => "200 OK".to_owned(),
        };
        let _ = first.get_or_insert(Instant::now());
        let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
    });
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// The slow answer is the behaviour under test.
pub(crate) fn slow(addr: &str, milliseconds: u64) {
    serve(addr, move |count, mut stream| {
        thread::spawn(move || {
            let _ = head(&stream);
            if count == 1 {
                thread::sleep(Duration::from_millis(milliseconds));
                let _ = stream.write_all(OK.as_bytes());
            } else {
                std::mem::forget(stream);
            }
        });
    });
}

pub(crate) fn hang(addr: &str) {
    let mut held = Vec::new();
    serve(addr, move |count, mut stream| match count {
        1 => held.push(stream),
        _ => {
            let _ = head(&stream);
            let _ = stream.write_all(OK.as_bytes());
        }
    });
}

pub(crate) fn picky(addr: &str, first: &[u8], answer: Vec<u8>) {
    let first = first[0];
    serve(addr, move |_, mut stream| {
        let mut heard = [0];
        let _ = std::io::Read::read(&mut stream, &mut heard);
        if heard[0] == first {
            let _ = stream.write_all(&answer);
        }
    });
}

pub(crate) fn lapse(addr: &str) {
    let mut answers = true;
    serve(addr, move |_, mut stream| {
        let mut heard = [0];
        let _ = std::io::Read::read(&mut stream, &mut heard);
        println!("heard {}", heard[0]);
        if std::mem::replace(&mut answers, false) {
            let _ = head(&stream);
            let _ = stream.write_all(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
        }
    });
}

pub(crate) static QUIET: AtomicBool = AtomicBool::new(false);

fn head(stream: &TcpStream) -> String {
    let mut head = String::new();
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        if line.is_empty() {
            break;
        }
        if !QUIET.load(Ordering::Relaxed) {
            println!("{line}");
        }
        head += &line;
        head.push('\n');
    }
    head
}

pub(crate) fn shout(addr: &str, text: &str) {
    if let Ok(mut stream) = TcpStream::connect(addr) {
        let _ = writeln!(stream, "{text}");
        std::mem::forget(stream);
    }
}

pub(crate) fn mute(addr: &str) {
    let mut held = Vec::new();
    serve(addr, move |_, stream| held.push(stream));
}

pub(crate) fn fatal(addr: &str, code: i32) {
    serve(addr, move |_, _| {
        eprintln!("out of cheese");
        std::process::exit(code)
    });
}

/// Closes the connection first, as a server does if its handler panics.
pub(crate) fn collapse(addr: &str, code: i32) {
    serve(addr, move |_, stream| {
        drop(stream);
        eprintln!("out of cheese");
        std::process::exit(code)
    });
}

pub(crate) fn once(addr: &str) {
    serve(addr, |_, _| std::process::exit(0));
}

/// Sends one byte per second, which is the behaviour under test.
pub(crate) fn drip(addr: &str) {
    serve(addr, |_, mut stream| {
        thread::spawn(move || {
            for byte in b"HTTP/1.1 200 OK\r\n\r\n".iter().cycle() {
                if stream.write_all(&[*byte]).is_err() {
                    return;
                }
                thread::sleep(Duration::from_secs(1));
            }
        });
    });
}

pub(crate) fn udp(addr: &str) {
    // The socket stays open until the process ends.
    std::mem::forget(UdpSocket::bind(addr).expect("the UDP port is free"));
}

/// Listens with `SO_REUSEPORT`, and answers as `listen` does.
pub(crate) fn share(addr: &str) {
    let on: libc::c_int = 1;
    let socket = serve_with(addr, true, libc::SO_REUSEPORT, &on.to_ne_bytes());
    std::mem::forget(socket);
}

/// Listens, or binds a UDP socket, on one interface alone.
pub(crate) fn on_lo(protocol: &str, addr: &str) {
    let socket = serve_with(addr, protocol == "tcp", libc::SO_BINDTODEVICE, b"lo\0");
    std::mem::forget(socket);
}

/// Listens without `SO_REUSEADDR`, as simple servers do, and keeps each connection to the end.
pub(crate) fn plain(addr: &str) {
    let off: libc::c_int = 0;
    let socket = serve_with(addr, true, libc::SO_REUSEADDR, &off.to_ne_bytes());
    let mut held = Vec::new();
    serve_on(socket.into(), move |count, mut stream| {
        let _ = writeln!(stream, "{count}");
        held.push(stream);
    });
}

/// Serves with an option that the library does not know, or always sets.
fn serve_with(addr: &str, is_tcp: bool, option: libc::c_int, value: &[u8]) -> OwnedFd {
    let addr: SocketAddr = addr.parse().expect("an address");
    let SocketAddr::V4(addr) = addr else {
        panic!("it speaks IPv4")
    };
    let kind = match is_tcp {
        true => libc::SOCK_STREAM,
        false => libc::SOCK_DGRAM,
    };
    // SAFETY: `socket` takes and returns numbers.
    let fd = unsafe { libc::socket(libc::AF_INET, kind | libc::SOCK_CLOEXEC, 0) };
    assert_ne!(fd, -1);
    // SAFETY: the descriptor is new, and has no other owner.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    let place = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: addr.port().to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from(*addr.ip()).to_be(),
        },
        sin_zero: [0; 8],
    };
    // SAFETY: the option and the address are valid, and have the given lengths.
    let results = unsafe {
        [
            libc::setsockopt(
                fd,
                libc::SOL_SOCKET,
                option,
                value.as_ptr().cast(),
                value.len() as libc::socklen_t,
            ),
            libc::bind(
                fd,
                (&raw const place).cast(),
                size_of_val(&place) as libc::socklen_t,
            ),
            if is_tcp { libc::listen(fd, 16) } else { 0 },
        ]
    };
    if results != [0; 3] {
        eprintln!("can't serve {addr}: {}", std::io::Error::last_os_error());
        std::process::exit(1);
    }
    socket
}

pub(crate) fn only_v6(port: u16) {
    let on: libc::c_int = 1;
    // SAFETY: all zeroes is a valid address, the wildcard.
    let mut place: libc::sockaddr_in6 = unsafe { std::mem::zeroed() };
    place.sin6_family = libc::AF_INET6 as libc::sa_family_t;
    place.sin6_port = port.to_be();
    // SAFETY: the option and the address are valid, and have the given lengths. `socket` stays
    // open.
    let results = unsafe {
        let fd = libc::socket(libc::AF_INET6, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0);
        [
            libc::setsockopt(
                fd,
                libc::IPPROTO_IPV6,
                libc::IPV6_V6ONLY,
                (&raw const on).cast(),
                size_of_val(&on) as libc::socklen_t,
            ),
            libc::bind(
                fd,
                (&raw const place).cast(),
                size_of_val(&place) as libc::socklen_t,
            ),
            libc::listen(fd, 16),
        ]
    };
    assert_eq!(results, [0; 3], "{}", std::io::Error::last_os_error());
}

pub(crate) fn handover(addr: &str) {
    let listener = bind(addr);
    // SAFETY: `fcntl` clears close-on-exec of this process's descriptor.
    let kept = unsafe { libc::fcntl(listener.as_raw_fd(), libc::F_SETFD, 0) };
    assert_eq!(kept, 0);
    drop(crate::actor("wait").spawn().expect("a child"));
}

pub(crate) fn churn() -> ! {
    let mut held = std::collections::VecDeque::new();
    loop {
        held.extend(TcpListener::bind("127.0.0.1:0"));
        held.extend(TcpListener::bind("[::1]:0"));
        if held.len() > 100 {
            held.drain(..50);
        }
    }
}
