//! Measures connections through a link beside direct connections to the same server, in turns.
//!
//! Run it with `cargo bench --bench links`. `-- quick` runs fewer rounds. For comparison, toxiproxy's
//! README (<https://github.com/Shopify/toxiproxy#frequently-asked-questions>) states a latency below
//! 100 µs, and about 1,000 MB/s on a laptop with four processors. The client, the server, and the link
//! want a processor each, so a machine with two processors can't show more than two thirds of the
//! direct throughput. The processor time per byte does not depend on that.

mod common;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{Figures, asked, milliseconds, row};
use summon::{Link, TcpCoordinatedExecutor};

/// The first byte of a connection: the server sends everything back.
const ECHO: &[u8] = b"e";
/// The first byte of a connection: the server reads to the end, and then sends one byte.
const SINK: &[u8] = b"s";
const IDLE: usize = 1000;
const MESSAGE: usize = 64;
/// The number of busy threads per processor.
const SPINNERS: usize = 2;
const DELAY: Duration = Duration::from_millis(100);
/// The unit of processor times in `/proc`, which is the same on all Linux systems of Rust.
const TICK: Duration = Duration::from_millis(10);

fn main() {
    let Some(quick) = asked() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let direct = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(|| serve(stream));
        }
    });
    let server = TcpCoordinatedExecutor::new("links", "127.0.0.1", direct.port()).reuse(true);
    server.start().expect("it runs already");
    let link = server.link().expect("a link");
    println!("{} processors, load {}", processors(), load());
    println!();
    round_trips(direct, &link, if quick { 20 } else { 200 });
    throughput(direct, &link, if quick { 3 } else { 15 });
    delays(direct, &link, if quick { 5 } else { 40 });
}

fn serve(mut stream: TcpStream) {
    let mut buffer = vec![0; 256 << 10];
    let mut first = [0];
    let is_echo = stream.read_exact(&mut first).is_ok() && first == ECHO;
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        if is_echo && stream.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
    let _ = stream.write_all(b"!");
}

fn connect(addr: SocketAddr, kind: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(addr).expect("a connection");
    stream.set_nodelay(true).expect("a TCP socket");
    stream.write_all(kind).expect("the server reads");
    stream
}

fn round_trip(mut stream: &TcpStream) -> Duration {
    let mut message = [7; MESSAGE];
    let began = Instant::now();
    stream.write_all(&message).expect("the server reads");
    stream.read_exact(&mut message).expect("an echo");
    began.elapsed()
}

fn micros(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1e6)
}

fn round_trips(direct: SocketAddr, link: &Link, rounds: usize) {
    println!("A round trip of {MESSAGE} bytes, in microseconds: median (95th percentile).");
    println!();
    row(&[
        "other connections",
        "direct",
        "link",
        "more",
        "target",
        "processor time of the link",
    ]);
    row(&["---"; 6]);
    let process = link_process();
    let (near, far) = (connect(direct, ECHO), connect(link.addr(), ECHO));
    for (idle, target) in [(0, 50), (IDLE, 100)] {
        let open = link.connections().expect("a link").open;
        let _others: Vec<_> = (0..idle).map(|_| connect(link.addr(), ECHO)).collect();
        while link.connections().expect("a link").open < open + idle as u64 {}
        let (mut direct, mut linked) = (Vec::new(), Vec::new());
        let before = processor_time(process);
        for _ in 0..rounds {
            direct.extend((0..50).map(|_| round_trip(&near)));
            linked.extend((0..50).map(|_| round_trip(&far)));
        }
        let each = (processor_time(process) - before) / linked.len() as u32;
        let (direct, linked) = (Figures::from(direct), Figures::from(linked));
        let shown = |it: &Figures| format!("{} ({})", micros(it.median()), micros(it.p95()));
        row(&[
            &idle.to_string(),
            &shown(&direct),
            &shown(&linked),
            &micros(linked.median().saturating_sub(direct.median())),
            &format!("at most {target}"),
            &micros(each),
        ]);
    }
    println!();
}

/// Sends this many bytes.
fn transfer(addr: SocketAddr, bytes: usize) -> Duration {
    let mut stream = connect(addr, SINK);
    let piece = vec![7; 256 << 10];
    let began = Instant::now();
    for _ in 0..bytes / piece.len() {
        stream.write_all(&piece).expect("the server reads");
    }
    stream.shutdown(Shutdown::Write).expect("an end");
    stream.read_exact(&mut [0]).expect("the server's word");
    began.elapsed()
}

fn throughput(direct: SocketAddr, link: &Link, rounds: usize) {
    const BYTES: usize = 512 << 20;
    println!("Throughput, and processor time of all processes, including client and server.");
    println!();
    row(&[
        "way",
        "MB/s, median",
        "ratio",
        "ns of processor time per KB",
        "of that the link",
    ]);
    row(&["---"; 5]);
    let (mine, links) = (std::process::id(), link_process());
    let mut figures = [(); 2].map(|()| (Vec::new(), Duration::ZERO, Duration::ZERO));
    for _ in 0..rounds {
        for (addr, figure) in [direct, link.addr()].into_iter().zip(&mut figures) {
            let before = (processor_time(mine), processor_time(links));
            figure.0.push(transfer(addr, BYTES));
            figure.1 += processor_time(mine) - before.0;
            figure.2 += processor_time(links) - before.1;
        }
    }
    let mut first = None;
    for (way, (times, own, links)) in ["direct", "link"].into_iter().zip(figures) {
        let median = Figures::from(times).median().as_secs_f64();
        let per_kb = |time: Duration| {
            let kilobytes = (rounds * BYTES) as f64 / 1e3;
            format!("{:.0}", time.as_secs_f64() * 1e9 / kilobytes)
        };
        row(&[
            way,
            &format!("{:.0}", BYTES as f64 / 1e6 / median),
            &format!("{:.2}", *first.get_or_insert(median) / median),
            &per_kb(own + links),
            &per_kb(links),
        ]);
    }
    println!();
    println!("Target: a ratio of at least 0.5.");
    println!();
}

fn delays(direct: SocketAddr, link: &Link, rounds: usize) {
    println!("A round trip with a delay of 100 ms, in milliseconds: median (95th percentile).");
    println!();
    row(&["load", "link", "direct, after a sleep of 100 ms"]);
    row(&["---"; 3]);
    let (near, far) = (connect(direct, ECHO), connect(link.addr(), ECHO));
    let stop = AtomicBool::new(false);
    let goes_on = || !stop.load(Ordering::Relaxed);
    let spin = || while goes_on() {};
    // As many bytes as come back through the delay.
    let flood = || {
        let (mut to, mut from) = (connect(link.addr(), ECHO), None);
        let piece = vec![7; 64 << 10];
        from.get_or_insert(to.try_clone().expect("a descriptor"));
        std::thread::scope(|threads| {
            threads.spawn(|| std::io::copy(from.as_mut().expect("set"), &mut std::io::sink()));
            while goes_on() && to.write_all(&piece).is_ok() {}
            to.shutdown(Shutdown::Both).expect("an end");
        });
    };
    let loads: [(&str, usize, usize); 3] = [
        ("none", 0, 0),
        ("busy processors", SPINNERS * processors(), 0),
        (
            "busy processors and four busy connections",
            SPINNERS * processors(),
            4,
        ),
    ];
    link.delay(DELAY).expect("a link");
    for (load, spinners, floods) in loads {
        stop.store(false, Ordering::Relaxed);
        let (linked, direct) = std::thread::scope(|threads| {
            (0..spinners).for_each(|_| drop(threads.spawn(spin)));
            (0..floods).for_each(|_| drop(threads.spawn(flood)));
            let (mut linked, mut direct) = (Figures::default(), Figures::default());
            for _ in 0..rounds {
                linked.add(round_trip(&far));
                // A perfect delay, on this machine under this load.
                let began = Instant::now();
                std::thread::sleep(DELAY);
                round_trip(&near);
                direct.add(began.elapsed());
            }
            stop.store(true, Ordering::Relaxed);
            (linked, direct)
        });
        let shown =
            |it: &Figures| format!("{} ({})", milliseconds(it.median()), milliseconds(it.p95()));
        row(&[load, &shown(&linked), &shown(&direct)]);
    }
    link.heal().expect("a link");
    println!();
    println!("Target: a median of 100 to 105.");
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

/// Returns the pid of the link. It is the only process with this title in our session's tree.
fn link_process() -> u32 {
    let pids = std::fs::read_dir("/proc").expect("/proc");
    let pids = pids.filter_map(|it| it.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let this = std::fs::read_link("/proc/self/exe").expect("this program");
    let is_link = |pid: &u32| {
        let title = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        title.starts_with(b"summon-link: links")
            && std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == this)
    };
    pids.into_iter().find(is_link).expect("the link's process")
}

/// Returns the time that a process has computed so far, in user and in kernel mode.
fn processor_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    // The name may contain spaces. See `proc(5)`.
    let (_, rest) = stat.rsplit_once(')').expect("a name");
    let ticks = rest.split_whitespace().skip(11).take(2);
    let ticks: u32 = ticks.map(|it| it.parse::<u32>().expect("a number")).sum();
    ticks * TICK
}
