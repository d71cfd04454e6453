//! Random test processes run random programs and end in random ways. Nothing is ever left.
//! `SUMMON_STRESS_SECONDS` sets the duration, and `SUMMON_STRESS_SEED` the first seed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

const OWNER: &str = env!("CARGO_BIN_EXE_owner_random");
const ACTOR: &str = env!("CARGO_BIN_EXE_actor");

/// The number of test processes that run at a time.
const WORKERS: usize = 2;

fn setting(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name}={value} is no number")),
    )
}

#[test]
fn nothing_is_ever_left() {
    let seconds = setting("SUMMON_STRESS_SECONDS").unwrap_or(2);
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    let seed = setting("SUMMON_STRESS_SEED").unwrap_or(now.as_nanos() as u64);
    let until = Instant::now() + Duration::from_secs(seconds);
    let rounds = AtomicU64::new(0);
    std::thread::scope(|threads| {
        for worker in 0..WORKERS {
            let rounds = &rounds;
            threads.spawn(move || {
                let place = Place::new(worker);
                // At least one round runs, no matter how busy the machine is.
                loop {
                    let round = rounds.fetch_add(1, Ordering::Relaxed);
                    place.round(seed.wrapping_add(round));
                    if Instant::now() >= until {
                        break;
                    }
                }
            });
        }
    });
    println!("{} rounds from seed {seed}", rounds.into_inner());
}

/// The directory of a worker's test processes. Copies of the programs there identify the processes.
struct Place(PathBuf);

impl Place {
    fn new(worker: usize) -> Place {
        let name = format!("summon-stress-{}-{worker}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        fs::create_dir(&dir).unwrap();
        for (program, name) in [(OWNER, "owner"), (ACTOR, "actor")] {
            // A separate process writes the copy. A fork of the other worker would otherwise
            // inherit the open descriptor, and the program could not be executed (`ETXTBSY`).
            let copied = Command::new("cp").arg(program).arg(dir.join(name)).status();
            assert!(copied.unwrap().success());
        }
        fs::create_dir(dir.join("tmp")).unwrap();
        Place(dir)
    }

    fn round(&self, seed: u64) {
        let ending = ["return", "exit", "abort", "midway", "killed"][seed as usize % 5];
        let ports = self.0.join("ports");
        fs::write(&ports, "").unwrap();
        let mut child = Command::new(self.0.join("owner"))
            .args([&seed.to_string(), ending])
            .arg(self.0.join("actor"))
            .env("PORTS", &ports)
            .env("TMPDIR", self.0.join("tmp"))
            .env_remove("SUMMON_TRACE")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        if ending == "killed" {
            // The kill comes at a random moment. The sleep is no synchronisation.
            std::thread::sleep(Duration::from_micros(seed % 499 * 1000));
            let _ = child.kill();
        }
        let output = child.wait_with_output().unwrap();
        let said = said(&output);
        let round = format!("SUMMON_STRESS_SEED={seed} ({ending})");
        let is_clean = said.contains("clean\n") || ["midway", "killed"].contains(&ending);
        assert!(is_clean, "{round}: {}\n{said}", output.status);
        eventually(&round, &said, "processes", || running_from(&self.0));
        // A process that died midway may have named a log without printing the name.
        let died = ["midway", "killed"].contains(&ending);
        let left = || files(&self.0.join("tmp"), &said, died);
        eventually(&round, &said, "files", left);
        // These are the named logs, which must stay until here.
        fs::remove_dir_all(self.0.join("tmp")).unwrap();
        fs::create_dir(self.0.join("tmp")).unwrap();
        let ports = fs::read_to_string(&ports).unwrap();
        eventually(&round, &said, "leases", || leased(&ports));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// Waits until `left` finds nothing.
fn eventually(round: &str, said: &str, what: &str, left: impl Fn() -> Vec<String>) {
    let limit = Instant::now() + Duration::from_secs(20);
    loop {
        let left = left();
        if left.is_empty() {
            return;
        }
        assert!(
            Instant::now() < limit,
            "{round} leaves {what}: {left:#?}\n{said}"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Returns the processes that run a program from a directory. Zombies count as far as `/proc` shows
/// their program.
fn running_from(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let path = entry.path();
        if fs::read_link(path.join("exe")).is_ok_and(|exe| exe.starts_with(dir)) {
            let words = fs::read_to_string(path.join("cmdline")).unwrap_or_default();
            found.push(format!("{} {}", path.display(), words.replace('\0', " ")));
        }
    }
    found
}

/// The mode of a log that an error has named.
const NAMED: u32 = 0o101_600;

/// Returns all files and empty directories of sessions, without named logs. A log is named if the
/// process printed its name or, after a death, if its mode says so.
fn files(temp: &Path, said: &str, died: bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut dirs = vec![temp.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = path.to_str().unwrap().to_owned();
            let is_base = path.parent() == Some(temp);
            let is_mark = path.ends_with(".cleaned");
            let mode = entry
                .metadata()
                .map_or(0, |found| found.permissions().mode());
            let is_named = said.contains(&name) || died && mode == NAMED;
            // The entries of a full directory count separately.
            let is_full = fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_some());
            if path.is_dir() {
                dirs.push(path);
            }
            if !is_base && !is_mark && !is_named && !is_full {
                found.push(format!("{mode:o} {name}"));
            }
        }
    }
    found
}

/// Returns the ports that are leased.
fn leased(ports: &str) -> Vec<String> {
    let table = fs::read_to_string("/proc/net/unix").unwrap();
    let leased: Vec<&str> = table
        .lines()
        .filter_map(|line| line.rsplit_once("@summon-port-"))
        .map(|(_, port)| port)
        .collect();
    let ours = ports.lines().filter(|port| leased.contains(port));
    ours.map(str::to_owned).collect()
}
