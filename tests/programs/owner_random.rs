//! Plays a test process that does random things with random programs on many threads, checks that
//! it holds nothing afterwards, and ends in some way.
//!
//! Usage: `owner_random SEED ENDING ACTOR`. The ending is `return`, `exit`, `abort`, or `midway`, which
//! aborts while all threads are busy. The process writes its ports to the file `PORTS`, and `clean`
//! to stdout.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use summon::{Coordinated, Executor, Process, Signal, orchestrated, probe};

const THREADS: u64 = 6;
const STEPS: u32 = 4;

/// The habits of programs beside their readiness. Most programs have none.
const HABITS: [&str; 16] = [
    "",
    "",
    "",
    "",
    "ignore",
    "child wait",
    "stranger ignore",
    "daemon ignore",
    "flood 100000",
    "brood 5",
    "boot 20",
    "boot 300",
    "exit 3",
    "abort",
    "halt",
    "kill-ancestor 1",
];

/// A simple random generator, with equal numbers for equal seeds (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [seed, ending, actor] = &words[..] else {
        panic!("usage: owner_random SEED ENDING ACTOR");
    };
    let seed: u64 = seed.parse().expect("a seed");
    let before = descriptors();
    wave(seed, actor, u32::MAX);
    let midway = match ending.as_str() {
        "midway" => seed as u32 % (THREADS as u32 * STEPS),
        _ => u32::MAX,
    };
    wave(seed ^ 0x9e37_79b9_7f4a_7c15, actor, midway);
    eventually("its threads have ended", || tasks() == 1);
    eventually("it has no child", || children().is_empty());
    let is_as_before = || {
        // A test process keeps three descriptors: a watch on files, a watch on the end of its
        // runner, and the socket to its warden, if the warden is alive. It also keeps sockets of
        // wardens that have ended, up to eight, for the next warden to take their numbers.
        let now = descriptors();
        let is_bounded = now.inotify <= 1 && now.pidfd <= 1 && now.ended <= 8;
        is_bounded && now.others <= before.others + 1
    };
    eventually("its descriptors are those of before", is_as_before);
    println!("clean");
    match ending.as_str() {
        "exit" => std::process::exit(0),
        "abort" => std::process::abort(),
        _ => {}
    }
}

/// Runs the random steps of all threads. Aborts before the step with the number `midway`, if the
/// threads come so far.
fn wave(seed: u64, actor: &str, midway: u32) {
    let steps = AtomicU32::new(0);
    std::thread::scope(|threads| {
        for thread in 1..=THREADS {
            let steps = &steps;
            threads.spawn(move || {
                let mut random = Random(seed.wrapping_mul(thread * 2 + 1) | 1);
                for _ in 0..STEPS {
                    if steps.fetch_add(1, Ordering::Relaxed) == midway {
                        std::process::abort();
                    }
                    step(&mut random, actor);
                }
            });
        }
    });
}

/// Runs one program, or a set of programs, and acts on it.
fn step(random: &mut Random, actor: &str) {
    if random.below(4) == 0 {
        let members: Vec<Box<dyn Executor>> = (0..3)
            .map(|number| program(random, actor, &format!("p{number}")))
            .collect();
        members.iter().for_each(|member| tell_port(&**member));
        if let Ok(scope) = orchestrated(members) {
            // The stop reports a program that has died, and keeps its log.
            let _ = scope.stop();
        }
        return;
    }
    let server = program(random, actor, "server");
    tell_port(&*server);
    if random.below(8) == 0 {
        // Two threads start the same server.
        std::thread::scope(|threads| {
            threads.spawn(|| server.start());
            threads.spawn(|| server.start());
        });
    } else {
        let _ = server.start();
    }
    let process = server.process().expect("each has one");
    for _ in 0..random.below(3) {
        act(random, process);
    }
    match random.below(3) {
        0 => drop(server.stop()),
        1 => drop(process.kill()),
        _ => {}
    }
}

fn program(random: &mut Random, actor: &str, name: &str) -> Box<dyn Executor> {
    let kind = random.below(8);
    let script = [
        "",
        "say up",
        "listen 127.0.0.1:{port}",
        "udp 127.0.0.1:{port}",
        "unix {dir}/s",
        "http 127.0.0.1:{port} 200",
        "touch {dir}/up",
        "notify READY=1",
    ][kind];
    let habit = random.one_of(&HABITS);
    // The habit comes before or after the readiness.
    let halves = match random.below(2) {
        0 => [habit, script],
        _ => [script, habit],
    };
    let words = halves.iter().flat_map(|half| half.split_whitespace());
    let command: Vec<String> = [actor]
        .into_iter()
        .chain(words)
        .map(str::to_owned)
        .collect();
    macro_rules! with {
        ($probe:expr) => {{
            let timeout = random.one_of(&["50ms", "400ms", "10s"]);
            let grace = random.one_of(&["0ms", "30ms", "100ms"]);
            // A program that never becomes ready must not take long.
            let timeout = if habit == "halt" { "50ms" } else { timeout };
            Box::new(
                Coordinated::with(command, $probe)
                    .named(name)
                    .timeout(timeout)
                    .stop_timeout(grace)
                    .expect_exit(0..=255),
            )
        }};
    }
    match kind {
        0 => with!(probe::started()),
        1 => with!(probe::output("^up$")),
        2 => with!(probe::tcp("127.0.0.1", 0)),
        3 => with!(probe::udp("127.0.0.1", 0)),
        4 => with!(probe::unix("{dir}/s")),
        5 => with!(probe::http("http://127.0.0.1:{port}/")),
        6 => with!(probe::file("{dir}/up")),
        _ => with!(probe::notify()),
    }
}

fn tell_port(server: &dyn Executor) {
    let process = server.process().expect("each has one");
    let path = std::env::var_os("PORTS").expect("PORTS is set");
    let mut file = OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(format!("{}\n", process.port()).as_bytes())
        .unwrap();
}

/// Acts on a process. Errors are right if the program has died, so the results do not matter.
fn act(random: &mut Random, process: &Process) {
    match random.below(9) {
        0 => drop(process.restart()),
        1 => drop(process.stopped(|| {})),
        2 => drop(process.paused(|| {})),
        3 => drop(process.crash(Signal::KILL)),
        4 => drop(process.signal(Signal::HUP)),
        5 => drop(process.signal(Signal::STOP)),
        6 => drop(process.wait("10ms")),
        7 => drop(process.wait_for_output("up", "10ms")),
        _ => drop(process.output()),
    }
}

/// The number of descriptors of each kind in this process.
#[derive(Default)]
struct Descriptors {
    inotify: usize,
    pidfd: usize,
    /// Sockets whose other end is closed.
    ended: usize,
    others: usize,
}

fn descriptors() -> Descriptors {
    let mut found = Descriptors::default();
    for fd in fs::read_dir("/proc/self/fd").unwrap() {
        let path = fd.unwrap().path();
        let number = path.file_name().unwrap().to_str().unwrap().parse().unwrap();
        match fs::read_link(path).unwrap_or_default().to_str() {
            Some("anon_inode:inotify") => found.inotify += 1,
            Some("anon_inode:[pidfd]") => found.pidfd += 1,
            _ if has_ended(number) => found.ended += 1,
            _ => found.others += 1,
        }
    }
    found
}

/// Whether a descriptor is a socket with an end of file to read.
fn has_ended(socket: i32) -> bool {
    let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
    let mut byte = [0u8];
    // SAFETY: the buffer has the length that is passed. A descriptor that is no socket, or that has
    // been closed meanwhile, gives an error.
    #[expect(unsafe_code, reason = "std can't peek at a socket by its number")]
    let read = unsafe { libc::recv(socket, byte.as_mut_ptr().cast(), byte.len(), flags) };
    read == 0
}

fn tasks() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

fn children() -> String {
    let pid = std::process::id();
    fs::read_to_string(format!("/proc/self/task/{pid}/children")).unwrap()
}

fn eventually(what: &str, condition: impl Fn() -> bool) {
    let limit = Instant::now() + Duration::from_secs(20);
    while !condition() {
        if Instant::now() > limit {
            for fd in fs::read_dir("/proc/self/fd").unwrap() {
                let path = fd.unwrap().path();
                eprintln!("{}: {:?}", path.display(), fs::read_link(&path));
            }
            panic!("in vain: {what}");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
