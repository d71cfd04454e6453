//! Measures how long a test waits for a migrated database of its own: with summon, by hand, and as fast
//! as the server can.
//!
//! Run it with `cargo bench --bench databases`. `-- quick` runs fewer tests. `-- sqlx` also measures
//! `#[sqlx::test]`: it builds the clients of `tests/workspaces/ecosystem`, which takes minutes.
//!
//! An ext4 without a journal does not use an inode again within a minute of its deletion
//! (`recently_deleted` in fs/ext4/ialloc.c), and each new file searches past such inodes. So a way would
//! pay for the files that the way before it has removed. There, the bench rests before each way on disk.

mod common;
#[path = "common/migrations.rs"]
mod migrations;

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{Figures, asked, milliseconds, row, scratch};
use migrations::migrations;
use postgres::{Client, NoTls};
use summon::servers::Postgres;
use summon::{Database, Fixture};

/// The argument of a process that measures one way.
const ONE: &str = "--measure";
/// How long an ext4 without a journal keeps a deleted inode that is on disk, and some time to remove files.
const REST: Duration = Duration::from_secs(65);
/// The work of a test.
const TEST: Duration = Duration::from_millis(50);

#[summon::fixture(executor = Postgres::new(), template = migrate)]
static PG: Fixture<Postgres>;

fn migrate(db: &Database) -> Result<(), postgres::Error> {
    migrate_at(&db.url())
}

fn migrate_at(url: &str) -> Result<(), postgres::Error> {
    let mut client = Client::connect(url, NoTls)?;
    let mut all = migrations().into_iter();
    all.try_for_each(|migration| client.batch_execute(&migration))
}

fn admin() -> Client {
    Client::connect(&PG.url("/postgres"), NoTls).expect("a connection")
}

/// Calls `work` with each number, on so many threads, and returns the time that all of it took.
fn on_threads(threads: usize, count: usize, work: impl Fn(usize, &mut Client) + Sync) -> Duration {
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut client = admin();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    work(number, &mut client);
                }
            });
        }
    });
    began.elapsed()
}

/// Makes a database for each test with `make`. Prints the time of all, and the wait of each test, in
/// nanoseconds.
fn measure(
    threads: usize,
    count: usize,
    make: impl Fn(usize, &mut Client) -> Option<Database> + Sync,
) {
    let waits = Mutex::new(Vec::new());
    let all = on_threads(threads, count, |number, client| {
        let began = Instant::now();
        let _db = make(number, client);
        let waited = began.elapsed();
        waits.lock().expect("no panic").push(waited);
        std::thread::sleep(TEST);
    });
    let waits = waits.into_inner().expect("no panic");
    let all = [all].into_iter().chain(waits);
    all.for_each(|time| println!("{}", time.as_nanos()));
}

/// Measures one way in this process.
fn measure_one(way: &str, threads: usize, count: usize) {
    // The server runs and the template is filled before the first test.
    drop(PG.database().expect("a database"));
    let create = |client: &mut Client, what: &str| {
        client
            .batch_execute(&format!("CREATE DATABASE {what}"))
            .expect("it is made");
    };
    match way {
        "summon" => measure(threads, count, |_, _| {
            Some(PG.database().expect("a database"))
        }),
        "migrations" => measure(threads, count, |number, client| {
            create(client, &format!("by_hand_{number}"));
            migrate_at(&PG.url(&format!("by_hand_{number}"))).expect("it is migrated");
            None
        }),
        "template" => {
            create(&mut admin(), "by_hand");
            migrate_at(&PG.url("by_hand")).expect("it is migrated");
            measure(threads, count, |number, client| {
                create(client, &format!("by_hand_{number} TEMPLATE by_hand"));
                None
            });
        }
        "sqlx" => {
            println!("0");
            let waits = under_sqlx(&PG.url("/postgres"), threads, count);
            waits.iter().for_each(|wait| println!("{wait}"));
        }
        _ => {
            create(&mut admin(), "by_hand");
            migrate_at(&PG.url("by_hand")).expect("it is migrated");
            let best = on_threads(threads, count, |number, client| {
                create(
                    client,
                    &format!("by_hand_{number} TEMPLATE by_hand STRATEGY FILE_COPY"),
                );
            });
            println!("{}", best.as_nanos());
        }
    }
}

/// Lets the file system forget the files that were removed, if that needs time.
fn rest() {
    let mut stat = Command::new("stat");
    stat.args(["-f", "-c", "%T"]).arg(std::env::temp_dir());
    let is_ext = output(&mut stat).starts_with("ext");
    // It has an entry for each journal.
    let journals = std::fs::read_dir("/proc/fs/jbd2");
    if is_ext && !journals.is_ok_and(|mut it| it.next().is_some()) {
        output(&mut Command::new("sync"));
        std::thread::sleep(REST);
    }
}

/// Returns the time of all tests, and the waits, of a process that measures one way.
fn measured(way: &str, memory: &str, threads: usize, count: usize) -> (Duration, Vec<Duration>) {
    if memory == "0" {
        rest();
    }
    let this = std::env::current_exe().expect("this program");
    let mut command = Command::new(this);
    command
        .args([ONE, way, &threads.to_string(), &count.to_string()])
        .env("SUMMON_MEMORY", memory);
    let text = output(&mut command);
    let mut times = text.lines().map(time);
    (times.next().unwrap_or_default(), times.collect())
}

/// Returns what the program prints.
fn output(command: &mut Command) -> String {
    let ran = command.output().expect("it runs");
    assert!(ran.status.success(), "{ran:?}");
    String::from_utf8_lossy(&ran.stdout).into_owned()
}

fn time(text: &str) -> Duration {
    Duration::from_nanos(text.trim().parse().expect("a time"))
}

fn figures(times: impl IntoIterator<Item = Duration>) -> Figures {
    let mut figures = Figures::default();
    times.into_iter().for_each(|time| figures.add(time));
    figures
}

/// Returns the waits of the tests of a project that a runner runs.
fn under(runner: &str, threads: usize, count: usize) -> Figures {
    rest();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests = "--test timed_databases";
    let args = match runner {
        "cargo test" => format!("test --quiet {tests} -- --test-threads {threads}"),
        _ => format!("nextest run -j {threads} {tests} --"),
    };
    let mut command = Command::new(env!("CARGO"));
    command
        .args(args.split(' '))
        .args(modules(count))
        .current_dir(root.join("workspaces/project"))
        .env("CARGO_TARGET_DIR", root.join("../target/project"))
        .env("SUMMON_MEMORY", "0");
    figures(recorded(&mut command).iter().map(|wait| time(wait)))
}

/// Returns the waits, in nanoseconds, of tests with the macro of sqlx on the server with this URL.
fn under_sqlx(url: &str, threads: usize, count: usize) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let args = "test --quiet --locked --package summon-databases -- --ignored --skip within --test-threads";
    let mut command = Command::new(env!("CARGO"));
    command
        .args(args.split(' '))
        .arg(threads.to_string())
        .args(modules(count))
        .current_dir(root.join("workspaces/ecosystem"))
        .env("DATABASE_URL", url);
    recorded(&mut command)
}

/// Returns filters for so many tests. Each module has twenty.
fn modules(count: usize) -> impl Iterator<Item = String> {
    (0..count.div_ceil(20)).map(|number| format!("m{number}::"))
}

/// Runs the tests, and returns the waits that they record, in nanoseconds.
fn recorded(command: &mut Command) -> Vec<String> {
    let dir = scratch("databases");
    let record = dir.join("record");
    output(command.env("RECORD", &record));
    let record = std::fs::read_to_string(record).expect("a record");
    let _ = std::fs::remove_dir_all(dir);
    let waits = record.lines().filter_map(|line| line.strip_prefix("wait-"));
    let waits = waits.filter_map(|line| line.split(' ').next());
    waits.map(str::to_owned).collect()
}

fn waits(of: &Figures) -> [String; 2] {
    [milliseconds(of.median()), milliseconds(of.p95())]
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let [_, one, way, threads, count] = &args[..] {
        if one == ONE {
            let number = |text: &str| text.parse().expect("a number");
            return measure_one(way, number(threads), number(count));
        }
    }
    let Some(quick) = asked() else { return };
    if cfg!(not(has_postgres)) {
        return;
    }
    let count = if quick { 40 } else { 200 };
    println!("The wait of a test for its database, in milliseconds. Tests of 50 ms, 4 at a time.");
    println!();
    row(&[
        "way",
        "in memory: median",
        "95th percentile",
        "on disk: median",
        "95th percentile",
    ]);
    row(&["---"; 5]);
    let has_sqlx = args.iter().any(|arg| arg == "sqlx");
    let by_hand = [
        ("template", "by hand, `CREATE DATABASE` with a template"),
        ("migrations", "by hand, `CREATE DATABASE` and 87 migrations"),
        ("sqlx", "`#[sqlx::test]` on a running server"),
    ];
    let by_hand = by_hand.iter().filter(|(way, _)| *way != "sqlx" || has_sqlx);
    let table = |name: &str, times: &[Vec<Duration>], from: usize| {
        let cells = times.iter().map(|it| figures(it[from..].to_vec()));
        let cells: Vec<String> = cells.flat_map(|it| waits(&it)).collect();
        let cells = cells.iter().map(String::as_str);
        row(&[name].into_iter().chain(cells).collect::<Vec<_>>());
    };
    let both = |way| ["1", "0"].map(|memory| measured(way, memory, 4, count).1);
    let summon = both("summon");
    table("summon", &summon, 0);
    // At the first four tests, there are no clones ahead.
    table("summon, after the first four tests", &summon, 4);
    for (way, name) in by_hand {
        table(name, &both(way), 0);
    }
    println!();
    let (best, _) = measured("best", "0", 4, count);
    let (all, _) = measured("summon", "0", 16, count);
    let ratio = all.as_secs_f64() / best.as_secs_f64();
    println!(
        "{count} tests of 50 ms on disk, 16 at a time: {} ms. {count} clones by four makers: {} ms. Ratio: \
         {ratio:.2}",
        milliseconds(all),
        milliseconds(best)
    );
    if cfg!(has_nextest) {
        let [test, nextest] = ["cargo test", "cargo nextest run"].map(|it| under(it, 16, count));
        let ratio = nextest.median().as_secs_f64() / test.median().as_secs_f64();
        let ([a, b], [c, d]) = (waits(&test), waits(&nextest));
        println!(
            "Their waits under cargo test: {a} (95th percentile {b}). Under cargo nextest run: {c} ({d}). \
             Ratio of the medians: {ratio:.2}"
        );
    }
}
