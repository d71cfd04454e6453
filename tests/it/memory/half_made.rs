//! A half-made cluster, and the shared memory that a killed `initdb` leaves.

use std::cell::Cell;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{files_of, kill_together, segments_of, signal};
use crate::support::{Group, Life, TempDir, eventually, family, parent};

/// Returns the pid of the server that works in a cache.
fn server_in(cache: &Path) -> Option<u32> {
    let dirs = |at: PathBuf| fs::read_dir(at).into_iter().flatten().flatten();
    let parts = dirs(cache.to_owned()).flat_map(|base| dirs(base.path()));
    let mut files = parts.map(|part| part.path().join("tree/data/postmaster.pid"));
    let text = files.find_map(|file| fs::read_to_string(file).ok())?;
    // The pid of a single-user server has a minus sign. The seventh line is the last one.
    let lines: Vec<_> = text.lines().collect();
    let is_whole = lines.len() >= 7 && text.ends_with('\n');
    is_whole.then(|| lines[0].trim_start_matches('-').parse().ok())?
}

/// A test process in whose `initdb` a halted server has memory.
struct HalfMade {
    owner: Group,
    server: u32,
    files: Vec<PathBuf>,
    cache: PathBuf,
    _temp: TempDir,
}

impl HalfMade {
    fn new() -> HalfMade {
        let temp = TempDir::new();
        // `nobody` works there.
        fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let cache = temp.path().join("cache");
        let owner = HalfMade::owner(&cache);
        let found = Cell::new(None);
        eventually("initdb has memory", || {
            let Some(server) = server_in(&cache) else {
                return false;
            };
            // Halted, it does not end before its death. If it has ended, initdb starts another one.
            signal(server, libc::SIGSTOP);
            let files = files_of(server);
            // Before its first word, the server may not have noted the name of the file.
            let is_begun = |file: &PathBuf| fs::read(file).is_ok_and(|it| it[..4] != [0; 4]);
            if files.is_empty() || !files.iter().all(is_begun) {
                signal(server, libc::SIGCONT);
                return false;
            }
            found.set(Some((server, files)));
            true
        });
        let (server, files) = found.take().unwrap();
        assert_eq!(segments_of(server).len(), 1);
        HalfMade {
            owner,
            server,
            files,
            cache,
            _temp: temp,
        }
    }

    fn owner(cache: &Path) -> Group {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "memory::starts_a_postgres_and_waits"])
            .args(["--ignored", "--nocapture", "--test-threads=1"])
            .env("SUMMON_CACHE", cache)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        Group::spawn(&mut command)
    }

    fn is_gone(&self) -> bool {
        segments_of(self.server).is_empty() && !self.files.iter().any(|file| file.exists())
    }
}

#[test]
#[cfg_attr(
    not(has_postgres),
    ignore = "no postgres, neither on PATH nor in /usr/lib/postgresql"
)]
fn goes_with_its_killed_test() {
    let mut half_made = HalfMade::new();
    half_made.owner.kill().unwrap();
    half_made.owner.wait().unwrap();
    eventually("the memory goes", || half_made.is_gone());
}

#[test]
#[cfg_attr(
    not(has_postgres),
    ignore = "no postgres, neither on PATH nor in /usr/lib/postgresql"
)]
fn goes_with_the_next_start_if_all_were_killed() {
    let mut half_made = HalfMade::new();
    // The test process, its warden, the guard of initdb, and initdb die, so none cleans up.
    let mut warden = half_made.server;
    while !Life::of(warden).unwrap().what.starts_with("summon-warden") {
        warden = parent(warden);
    }
    let family = family(warden);
    let family_pids = family.iter().map(|life| life.pid);
    let pids = [half_made.owner.id()].into_iter().chain(family_pids);
    let pids: Vec<u32> = pids.collect();
    kill_together(&pids);
    half_made.owner.wait().unwrap();
    eventually("they end", || !family.iter().any(Life::goes_on));
    assert!(!half_made.is_gone(), "PostgreSQL has left it");
    let mut next = HalfMade::owner(&half_made.cache);
    let mut said = BufReader::new(next.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().contains('<')));
    let left = (segments_of(half_made.server), &half_made.files);
    assert!(half_made.is_gone(), "{left:?}");
    drop(next.stdin.take());
    assert!(next.wait().unwrap().success());
}
