//! Plays every kind of server. Its arguments are a script, which runs from left to right:
//!
//! | words | action |
//! | --- | --- |
//! | `say TEXT`, `complain TEXT` | writes a line to stdout, to stderr |
//! | `prompt TEXT` | writes to stdout without a line end |
//! | `bytes HEX` | writes bytes to stdout |
//! | `flood N` | writes N bytes in lines to stdout |
//! | `boot MS` | sleeps, as a server that boots |
//! | `listen ADDR` | listens, and answers each connection with the count of connections |
//! | `http ADDR STATUS` | answers HTTP with the request's head as the body |
//! | `chat ADDR` | reads a request in the form of HTTP, and answers with the count |
//! | `quiet` | lets HTTP servers print no requests |
//! | `sick ADDR MS` | answers HTTP with 503 for a while, and then with 200 |
//! | `ill ADDR`, `recover` | answers HTTP with 503, and from the second word on with 200 |
//! | `heal ADDR COUNT MS` | answers HTTP with 503, and recovers that long after this request, with some work |
//! | `respond ADDR TEXT` | answers each request with a text, `;` for a line end |
//! | `begin ADDR TEXT` | answers like `respond`, and keeps the connection |
//! | `limited ADDR SECONDS` | answers 429 with `Retry-After`, and ends if the next request is too early |
//! | `slow ADDR MS` | answers the first request after a while, and no other |
//! | `hang ADDR` | answers every request except the first |
//! | `picky ADDR FIRST HEX` | answers a client with this first byte, and closes all other connections |
//! | `lapse ADDR` | answers the first request with 503, and closes all other connections |
//! | `bridge ADDR` | plays a node of a cluster: each client says what to do, see `bridge.rs` |
//! | `dial ADDR` | connects, and passes bytes between the connection and the socket at its stdin |
//! | `shout ADDR TEXT` | connects, sends a line, and keeps the connection |
//! | `mute ADDR` | accepts, and never answers |
//! | `udp ADDR` | binds a UDP socket |
//! | `plain ADDR` | listens without `SO_REUSEADDR`, sends each connection the count, and keeps it |
//! | `on-lo PROTOCOL ADDR` | listens with `tcp`, or binds `udp`, on the interface `lo` alone |
//! | `only-v6 PORT` | listens on the wildcard of IPv6, for IPv6 alone |
//! | `abstract NAME` | listens on an abstract Unix socket, and answers as `listen` does |
//! | `unix PATH` | listens on a Unix socket, and answers as `listen` does |
//! | `datagrams PATH` | binds a Unix socket for datagrams |
//! | `bound PATH`, `listening` | binds a Unix socket, and listens on it |
//! | `activated` | listens on the inherited socket, and answers as `listen` does |
//! | `notify TEXT` | sends a text to `NOTIFY_SOCKET`, `;` for a line end; `barrier` waits until it was read |
//! | `nag` | sends a text to `NOTIFY_SOCKET` again and again, from its 40th descendant |
//! | `beg USEC` | at TERM, asks for more time, and does not end |
//! | `serve DIR` | prints each text that a file `line` in the directory receives |
//! | `touch FILE` | makes a file, or updates its time |
//! | `share ADDR` | listens with `SO_REUSEPORT`, beside other such servers |
//! | `handover ADDR` | listens, passes the socket to a child, and closes its copy |
//! | `churn` | opens and closes ephemeral ports as fast as possible |
//! | `pretend`, `crowd N` | attacks as another user: reports all services as ready, connects to all and stays |
//! | `fatal ADDR CODE` | exits with this code at the first connection |
//! | `collapse ADDR CODE` | exits like `fatal`, after it has closed the connection |
//! | `knock NAME N` | connects N times to a socket of this name, reports that, and closes |
//! | `take NAME`, `take-full NAME`, `take-silently NAME` | takes a name for a socket, listens, fills its queue, or does not listen, and prints `taken` |
//! | `eavesdrop` | connects to all sockets, and prints the data that arrives |
//! | `once ADDR` | ends after the first connection, as `nc -l` does |
//! | `drip ADDR` | answers HTTP with a byte per second |
//! | `ignore` | ignores TERM, INT, and HUP |
//! | `record FILE TEXT` | appends `TEXT <pid>` to a file, in one write |
//! | `farewell FILE TEXT` | at TERM, records a text as `record` does, and ends |
//! | `linger MS` | delays the farewell |
//! | `await FILE` | waits until the file exists |
//! | `mark`, `tell FILE` | notes the monotonic clock, and writes it to a file |
//! | `env NAME`, `cwd`, `args` | prints a variable, the directory, the remaining arguments |
//! | `fds` | prints its file descriptors |
//! | `child SCRIPT` | starts an actor in the same group |
//! | `stranger SCRIPT` | starts an actor in a new session |
//! | `daemon SCRIPT` | starts an actor in a new session, forked twice, so that it is an orphan |
//! | `brood N` | at TERM, forks N children, and does not end |
//! | `chain N` | forks a chain of processes that end at once |
//! | `bomb N` | forks N generations, and doubles the number of processes each time |
//! | `close-all` | closes all descriptors |
//! | `kill-group`, `kill-ancestor N` | kills its group, its parent (1), or its grandparent (2) |
//! | `rename TEXT`, `user UID` | changes its name, its user |
//! | `headless` | ends its first thread. Another one goes on |
//! | `apart` | goes on in a thread with descriptors of its own |
//! | `halt`, `halt-at-term` | stops itself, as Ctrl-Z would |
//! | `remove DIR`, `link FROM TO` | removes a directory, and puts a link in its place |
//! | `long-line N` | writes N bytes without a line end |
//! | `deaf ADDR` | listens, and never accepts |
//! | `endless ADDR HEAD` | answers HTTP with this head, and then without an end |
//! | `exec COMMAND` | becomes another program |
//! | `exit CODE`, `abort` | ends |
//! | `wait` | waits until another process ends it |
//!
//! After the last word, the actor waits. A SCRIPT is one argument, split at spaces.
#![expect(
    unsafe_code,
    clippy::multiple_unsafe_ops_per_block,
    reason = "it misbehaves, as programs do"
)]

mod bridge;
mod hostile;
mod net;
mod stranger;
mod systemd;
mod unix;

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

fn main() {
    play(&mut std::env::args().skip(1));
}

fn play(script: &mut dyn Iterator<Item = String>) {
    while let Some(word) = script.next() {
        let mut next = || {
            script
                .next()
                .unwrap_or_else(|| panic!("`{word}` needs another word"))
        };
        match word.as_str() {
            "say" => print(format!("{}\n", next()).as_bytes()),
            "complain" => eprintln!("{}", next()),
            "prompt" => print(next().as_bytes()),
            "bytes" => print(&from_hex(&next())),
            "flood" => flood(next().parse().expect("a number of bytes")),
            "boot" => boot(next().parse().expect("milliseconds")),
            "listen" => net::listen(&next()),
            "http" => net::http(&next(), &next()),
            "chat" => net::chat(&next()),
            "quiet" => net::QUIET.store(true, Ordering::Relaxed),
            "sick" => net::sick(&next(), next().parse().expect("milliseconds")),
            "ill" => net::ill(&next()),
            "recover" => net::recover(),
            "heal" => {
                let (addr, count) = (next(), next().parse().expect("a number"));
                net::heal(&addr, count, next().parse().expect("milliseconds"));
            }
            "respond" => net::respond(&next(), &next()),
            "begin" => net::begin(&next(), &next()),
            "limited" => net::limited(&next(), next().parse().expect("seconds")),
            "slow" => net::slow(&next(), next().parse().expect("milliseconds")),
            "hang" => net::hang(&next()),
            "lapse" => net::lapse(&next()),
            "picky" => net::picky(&next(), &from_hex(&next()), from_hex(&next())),
            "bridge" => bridge::bridge(&next()),
            "dial" => bridge::dial(&next()),
            "shout" => net::shout(&next(), &next()),
            "mute" => net::mute(&next()),
            "udp" => net::udp(&next()),
            "plain" => net::plain(&next()),
            "on-lo" => net::on_lo(&next(), &next()),
            "only-v6" => net::only_v6(next().parse().expect("a port")),
            "abstract" => unix::listen_at_name(&next()),
            "unix" => unix::listen(&next()),
            "datagrams" => unix::datagrams(&next()),
            "bound" => unix::bind(&next()),
            "listening" => unix::listen_on_bound(),
            "activated" => systemd::activated(),
            "nag" => systemd::nag(),
            "notify" => systemd::notify(&next().replace(';', "\n")),
            "barrier" => systemd::barrier(),
            "beg" => systemd::beg(next()),
            "serve" => serve(&next()),
            "touch" => touch(&next()),
            "share" => net::share(&next()),
            "handover" => net::handover(&next()),
            "churn" => net::churn(),
            "pretend" => stranger::pretend(),
            "crowd" => stranger::crowd(next().parse().expect("a number")),
            "fatal" => net::fatal(&next(), next().parse().expect("an exit code")),
            "collapse" => net::collapse(&next(), next().parse().expect("an exit code")),
            "knock" => stranger::knock(&next(), next().parse().expect("a number")),
            "take" => stranger::take(&next(), 5),
            "take-full" => stranger::take(&next(), 0),
            "take-silently" => stranger::take(&next(), -1),
            "eavesdrop" => stranger::eavesdrop(),
            "once" => net::once(&next()),
            "drip" => net::drip(&next()),
            "ignore" => [libc::SIGTERM, libc::SIGINT, libc::SIGHUP]
                .into_iter()
                .for_each(ignore),
            "record" => record(&next(), &next()),
            "farewell" => farewell(next(), next()),
            "linger" => {
                let milliseconds = next().parse().expect("milliseconds");
                LINGER.store(milliseconds, Ordering::Relaxed);
            }
            "await" => await_file(&next()),
            "mark" => MARK.store(now(), Ordering::Relaxed),
            "tell" => {
                let mark = MARK.load(Ordering::Relaxed);
                std::fs::write(next(), format!("{mark}\n")).expect("the file takes it");
            }
            "env" => {
                let name = next();
                let value = std::env::var(&name).unwrap_or_else(|_| "(unset)".to_owned());
                print(format!("{name}={value}\n").as_bytes());
            }
            "cwd" => print(format!("{}\n", std::env::current_dir().unwrap().display()).as_bytes()),
            "args" => {
                for arg in &mut *script {
                    print(format!("[{arg}]\n").as_bytes());
                }
            }
            "fds" => fds(),
            "child" => drop(actor(&next()).spawn().expect("a child")),
            "stranger" => stranger(&next()),
            "daemon" => daemon(&next()),
            "brood" => hostile::brood(next().parse().expect("a number")),
            "chain" => hostile::chain(next().parse().expect("a number")),
            "bomb" => hostile::bomb(next().parse().expect("a number")),
            "close-all" => hostile::close_all(),
            "kill-group" => hostile::kill_group(),
            "kill-ancestor" => hostile::kill_ancestor(next().parse().expect("a number")),
            "rename" => hostile::rename(&next()),
            "user" => hostile::become_user(next().parse().expect("a uid")),
            "headless" => {
                let rest: Vec<String> = script.collect();
                hostile::headless(move || play(&mut rest.into_iter()));
            }
            "apart" => {
                let rest: Vec<String> = script.collect();
                hostile::apart(move || play(&mut rest.into_iter()));
            }
            "halt" => hostile::halt(),
            "halt-at-term" => hostile::halt_at_term(),
            "remove" => drop(std::fs::remove_dir_all(next())),
            "link" => hostile::link(&next(), &next()),
            "long-line" => hostile::long_line(next().parse().expect("a number of bytes")),
            "deaf" => hostile::deaf(&next()),
            "endless" => hostile::endless(&next(), &next()),
            "exec" => hostile::execute(&next()),
            "exit" => std::process::exit(next().parse().expect("an exit code")),
            "abort" => std::process::abort(),
            "wait" => wait(),
            _ => panic!("no such word: {word}"),
        }
    }
    wait();
}

fn print(bytes: &[u8]) {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes).expect("stdout takes it");
    stdout.flush().expect("stdout takes it");
}

fn flood(length: usize) {
    let line = [&[b'x'; 99][..], b"\n"].concat();
    let mut stdout = std::io::stdout().lock();
    for _ in 0..length / line.len() {
        stdout.write_all(&line).expect("stdout takes it");
    }
}

/// A slow boot is the behaviour under test, so this sleep is no synchronisation.
fn boot(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

fn wait() -> ! {
    loop {
        std::thread::park();
    }
}

fn record(file: &str, text: &str) {
    let line = format!("{text} {}\n", std::process::id());
    let opened = OpenOptions::new().append(true).create(true).open(file);
    let mut file = opened.expect("the record can be opened");
    file.write_all(line.as_bytes())
        .expect("the record takes it");
}

fn serve(dir: &str) {
    let line = std::path::Path::new(dir).join("line");
    std::thread::spawn(move || {
        loop {
            if let Ok(text) = std::fs::read(&line) {
                // The other process may have written only half of the line so far.
                if text.ends_with(b"\n") && std::fs::remove_file(&line).is_ok() {
                    print(&text);
                }
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    });
}

fn touch(file: &str) {
    let opened = OpenOptions::new().append(true).create(true).open(file);
    let now = std::time::SystemTime::now();
    let touched = opened.and_then(|file| file.set_modified(now));
    touched.expect("the file can be touched");
}

/// The time of `mark`, in nanoseconds of `CLOCK_MONOTONIC`. All processes share this clock.
static MARK: AtomicU64 = AtomicU64::new(0);

fn now() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid place.
    let read = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    assert_eq!(read, 0);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The duration of a farewell, in milliseconds.
static LINGER: AtomicU64 = AtomicU64::new(0);

/// Takes TERM on a separate thread. The caller must not have started other threads.
fn farewell(file: String, text: String) {
    hostile::on_term(move || {
        boot(LINGER.load(Ordering::Relaxed));
        record(&file, &text);
        std::process::exit(0);
    });
}

fn await_file(file: &str) {
    while !std::path::Path::new(file).exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn fds() {
    for entry in std::fs::read_dir("/proc/self/fd").expect("/proc") {
        let path = entry.expect("an entry").path();
        let target = std::fs::read_link(&path).unwrap_or_default();
        // The listing opens a descriptor, too.
        if !target.starts_with(format!("/proc/{}/fd", std::process::id())) {
            let fd = path
                .file_name()
                .expect("a number")
                .to_string_lossy()
                .into_owned();
            print(format!("fd {fd} {}\n", target.display()).as_bytes());
        }
    }
}

fn from_hex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex
        .chars()
        .map(|digit| digit.to_digit(16).expect("hex") as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] * 16 + pair[1])
        .collect()
}

pub(crate) fn actor(script: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(script.split(' '));
    command
}

fn stranger(script: &str) {
    let mut command = actor(script);
    // SAFETY: setsid is async-signal-safe.
    unsafe { command.pre_exec(|| check(libc::setsid())) };
    drop(command.spawn().expect("a stranger"));
}

fn daemon(script: &str) {
    let mut command = actor(script);
    let twice = || {
        check(setsid())?;
        // SAFETY: up to exec, the child only makes async-signal-safe calls.
        match unsafe { libc::fork() } {
            -1 => Err(std::io::Error::last_os_error()),
            0 => Ok(()),
            // SAFETY: `_exit` ends the process in the middle, which has no other work.
            _ => unsafe { libc::_exit(0) },
        }
    };
    // SAFETY: `twice` only makes async-signal-safe calls.
    unsafe { command.pre_exec(twice) };
    // The process in the middle ends without exec, so `spawn` can't report success.
    let _ = command.spawn().map(|mut middle| middle.wait());
}

fn setsid() -> i32 {
    // SAFETY: `setsid` takes no arguments, and may fail without harm.
    unsafe { libc::setsid() }
}

fn check(result: i32) -> std::io::Result<()> {
    if result == -1 {
        return Err(std::io::Error::last_os_error());
    }
    Ok(())
}

fn ignore(signal: i32) {
    // SAFETY: the process has no handler that could run.
    unsafe { libc::signal(signal, libc::SIG_IGN) };
}
