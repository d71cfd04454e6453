//! Plays every kind of server. Its arguments are a script, done from left to right:
//!
//! | words | what it does |
//! | --- | --- |
//! | `say TEXT`, `complain TEXT` | a line on stdout, on stderr |
//! | `prompt TEXT` | the same on stdout, without a line end |
//! | `bytes HEX` | these bytes on stdout |
//! | `flood N` | N bytes in lines on stdout |
//! | `boot MS` | takes so long to boot |
//! | `listen ADDR` | listens; connections are counted, and answered with the count |
//! | `http ADDR STATUS` | answers HTTP, the request's head as the body |
//! | `chat ADDR` | reads a request as HTTP has them, and answers with the count |
//! | `quiet` | HTTP servers don't say what they were asked |
//! | `sick ADDR MS` | answers HTTP with 503 for so long, and then with 200 |
//! | `respond ADDR TEXT` | answers each request with this, `;` for a line end |
//! | `begin ADDR TEXT` | the same, and keeps the connection |
//! | `limited ADDR SECONDS` | answers 429 with `Retry-After`, and ends if it is asked again before that |
//! | `slow ADDR MS` | answers the first request after so long, and no other |
//! | `hang ADDR` | answers every request but the first |
//! | `picky ADDR FIRST HEX` | answers a client whose first byte is this, and closes all others |
//! | `mute ADDR` | accepts, and never answers |
//! | `udp ADDR` | binds a UDP socket |
//! | `plain ADDR` | listens without `SO_REUSEADDR`, tells each connection the count, and keeps it |
//! | `on-lo PROTOCOL ADDR` | listens with `tcp`, or binds `udp`, at the interface `lo` alone |
//! | `only-v6 PORT` | listens at the wildcard of IPv6, and for IPv6 alone |
//! | `abstract NAME` | listens at an abstract Unix socket as `listen` does |
//! | `unix PATH` | listens at a Unix socket as `listen` does |
//! | `datagrams PATH` | binds a Unix socket for datagrams |
//! | `bound PATH`, `listening` | binds a Unix socket, and listens on it |
//! | `activated` | listens on the socket that it was given, as `listen` does |
//! | `notify TEXT` | says so to `NOTIFY_SOCKET`, `;` for a line end; `barrier` waits until it was read |
//! | `beg USEC` | asks for so much more time when TERM comes, and does not end |
//! | `serve DIR` | says what is put into a file `line` there, again and again |
//! | `touch FILE` | makes a file, or its time anew |
//! | `share ADDR` | listens with `SO_REUSEPORT`, beside others who do |
//! | `handover ADDR` | listens, passes the socket to a child, and closes its own |
//! | `churn` | opens and closes ephemeral ports as fast as it can |
//! | `pretend`, `crowd N` | what another user may try: says for all that they are ready, connects to all and stays |
//! | `fatal ADDR CODE` | ends with that code at the first connection |
//! | `collapse ADDR CODE` | the same, after it has closed the connection |
//! | `knock NAME N` | connects so often to a socket of that name, says so, and closes |
//! | `take NAME`, `take-silently NAME` | has that name for a socket, listens there or not, and says `taken` |
//! | `eavesdrop` | connects to all, and says what it is told there |
//! | `once ADDR` | ends after the first connection, as `nc -l` does |
//! | `drip ADDR` | answers HTTP a byte a second |
//! | `ignore` | ignores TERM, INT and HUP |
//! | `record FILE TEXT` | appends `TEXT <pid>` to a file, in one write |
//! | `farewell FILE TEXT` | the same when TERM comes, then ends |
//! | `linger MS` | takes so long for its farewell |
//! | `await FILE` | until the file is there |
//! | `mark`, `tell FILE` | notes the monotonic clock, and writes it to a file |
//! | `env NAME`, `cwd`, `args` | says what it was given |
//! | `fds` | says which descriptors it holds |
//! | `child SCRIPT` | starts an actor, in the same group |
//! | `stranger SCRIPT` | starts an actor in a session of its own |
//! | `daemon SCRIPT` | the same, forked twice, so that it is an orphan |
//! | `brood N` | forks so many children when TERM comes, and does not end |
//! | `chain N` | forks a chain of processes of which each ends at once |
//! | `bomb N` | forks so many generations, each as many as there are |
//! | `close-all` | closes all descriptors |
//! | `kill-group`, `kill-ancestor N` | kills its group, its parent (1), or the parent of that (2) |
//! | `rename TEXT`, `user UID` | changes its name, its user |
//! | `halt`, `halt-at-term` | stops itself, as Ctrl-Z would |
//! | `remove DIR`, `link FROM TO` | removes a directory, puts a link there |
//! | `long-line N` | so many bytes without a line end |
//! | `deaf ADDR` | listens, and never accepts |
//! | `endless ADDR HEAD` | answers HTTP with this, and then without an end |
//! | `exec COMMAND` | becomes another program |
//! | `exit CODE`, `abort` | ends |
//! | `wait` | until it is ended |
//!
//! At the end of its script it waits. A SCRIPT is one argument, split at spaces.
#![expect(
    unsafe_code,
    clippy::multiple_unsafe_ops_per_block,
    reason = "it misbehaves, as programs do"
)]

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
    let mut script = std::env::args().skip(1);
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
            "respond" => net::respond(&next(), &next()),
            "begin" => net::begin(&next(), &next()),
            "limited" => net::limited(&next(), next().parse().expect("seconds")),
            "slow" => net::slow(&next(), next().parse().expect("milliseconds")),
            "hang" => net::hang(&next()),
            "picky" => net::picky(&next(), &from_hex(&next()), from_hex(&next())),
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
            "take" => stranger::take(&next(), true),
            "take-silently" => stranger::take(&next(), false),
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
                script
                    .by_ref()
                    .for_each(|arg| print(format!("[{arg}]\n").as_bytes()));
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

/// Boot time is what these programs are about, so this sleep is no synchronisation.
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
                // Half of it may have been written by now.
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

/// When it became ready, in nanoseconds of `CLOCK_MONOTONIC`, which other processes have too.
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

/// How long a farewell takes.
static LINGER: AtomicU64 = AtomicU64::new(0);

/// Takes TERM on a thread of its own; it must come before any other thread is made.
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
        // The listing itself is open too.
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
        // SAFETY: only async-signal-safe calls follow, up to exec.
        match unsafe { libc::fork() } {
            -1 => Err(std::io::Error::last_os_error()),
            0 => Ok(()),
            // SAFETY: ends the process in the middle, which is now nobody's.
            _ => unsafe { libc::_exit(0) },
        }
    };
    // SAFETY: as `twice` says.
    unsafe { command.pre_exec(twice) };
    // The process in the middle ends without exec, so there is no telling an error from success.
    let _ = command.spawn().map(|mut middle| middle.wait());
}

fn setsid() -> i32 {
    // SAFETY: takes nothing, and fails harmlessly.
    unsafe { libc::setsid() }
}

fn check(result: i32) -> std::io::Result<()> {
    if result == -1 {
        return Err(std::io::Error::last_os_error());
    }
    Ok(())
}

fn ignore(signal: i32) {
    // SAFETY: no handler runs.
    unsafe { libc::signal(signal, libc::SIG_IGN) };
}
