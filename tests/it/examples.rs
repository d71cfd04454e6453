//! The commands in the docs work as written, as root and as an ordinary user. They serve only this
//! machine, and leave nothing behind.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use regex::bytes::Regex;
use summon::{Coordinated, Executor, TcpCoordinatedExecutor, probe};

use crate::needs::root;
use crate::support::TempDir;
use crate::tidy::{read, sources};

/// The servers that need only their arguments.
const SERVERS: [&str; 5] = [
    "dnsmasq",
    "memcached",
    "mosquitto",
    "nats-server",
    "redis-server",
];

/// A command from the docs, with its page.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Shown {
    command: String,
    is_udp: bool,
    page: String,
}

fn page_of_docs(path: &str) -> bool {
    // The commands on this page are wrong on purpose.
    !path.ends_with("compile-errors.md")
}

/// Returns the commands of these servers that use `{port}` or a socket in `{dir}`.
fn shown() -> BTreeSet<Shown> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../summon/docs");
    let pages = std::fs::read_dir(dir).unwrap().flatten();
    let pages = pages.map(|page| format!("summon/docs/{}", page.file_name().to_str().unwrap()));
    let mut texts: Vec<(String, String)> = pages
        .filter(|path| path.ends_with(".md") && page_of_docs(path))
        .map(|path| (path.clone(), read(&path)))
        .collect();
    texts.push(("README.md".to_owned(), read("README.md")));
    let docs = |text: &str| {
        let lines = text.lines().map(str::trim_start);
        let docs = lines.filter_map(|line| line.strip_prefix("///").or(line.strip_prefix("//!")));
        docs.collect::<Vec<_>>().join("\n")
    };
    texts.extend(
        sources("summon/src")
            .into_iter()
            .map(|(path, text)| (path, docs(&text))),
    );
    let literal =
        r#"(?s-u)(\w+)(?: = |(?:::with|::new)\(\s*)"([a-z][^"\\]*)"(,\s*(?:summon::)?probe::udp)?"#;
    let literal = Regex::new(literal).unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut found = BTreeSet::new();
    for (page, all) in &texts {
        for groups in literal.captures_iter(all.as_bytes()) {
            let command = text(&groups[2]);
            let program = command.split(' ').next().unwrap();
            let is_run = command.contains("{port}") || command.contains("{dir}");
            if SERVERS.contains(&program) && is_run && !command.contains("{dir}/mosquitto.conf") {
                found.insert(Shown {
                    is_udp: &groups[1] == b"udp" || groups.get(3).is_some(),
                    page: page.clone(),
                    command,
                });
            }
        }
    }
    found
}

fn path_of(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    dirs.map(|dir| dir.join(program)).find(|it| it.is_file())
}

/// Returns the files of this server in the places where servers leave files.
fn traces(program: &str, own: &Path) -> BTreeSet<PathBuf> {
    let stem = program.split('-').next().unwrap();
    let dirs = ["/run", "/var/lib", "/var/log", "/tmp", "/root", "."].map(Path::new);
    let entries = dirs.iter().filter_map(|dir| std::fs::read_dir(dir).ok());
    let paths = entries.flatten().flatten().map(|entry| entry.path());
    let is_its = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.contains(stem) || name == "dump.rdb"
    };
    let all = std::fs::read_dir(own).unwrap().flatten();
    paths
        .filter(is_its)
        .chain(all.map(|entry| entry.path()))
        .collect()
}

/// Returns the addresses other than loopback on which the port is served, in the format of
/// `/proc/net`.
fn addresses_of_others(port: u16) -> Vec<String> {
    let ending = format!(":{port:04X}");
    let mut found = Vec::new();
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        let text = std::fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            // A TCP socket that listens, or a UDP socket without a peer.
            let serves = fields[3] == "0A" || (table.starts_with("udp") && fields[3] == "07");
            let is_loopback = fields[1].starts_with("0100007F:")
                || fields[1].starts_with("00000000000000000000000001000000:");
            if serves && fields[1].ends_with(&ending) && !is_loopback {
                found.push(format!("{table} {}", fields[1]));
            }
        }
    }
    found
}

fn run(shown: &Shown, program: &Path, user: Option<&str>) {
    let name = shown.command.split(' ').next().unwrap();
    let dir = TempDir::new();
    let all = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(dir.path(), all).unwrap();
    let before = traces(name, dir.path());
    // PATH may lack the directory of the program, so this names the full path.
    let command = shown.command.replacen(name, program.to_str().unwrap(), 1);
    let told = |error| panic!("{shown:?} as {user:?}: {error}");
    fn set<P>(server: Coordinated<P>, dir: &TempDir, user: Option<&str>) -> Coordinated<P> {
        let server = server.current_dir(dir.path()).env("HOME", dir.path());
        match user {
            Some(user) => server.user(user),
            None => server,
        }
    }
    let server: Box<dyn Executor> = if shown.is_udp {
        Box::new(set(
            Coordinated::with(command, probe::udp("127.0.0.1", 0)),
            &dir,
            user,
        ))
    } else if shown.command.contains("{port}") {
        Box::new(set(
            TcpCoordinatedExecutor::new(command, "127.0.0.1", 0),
            &dir,
            user,
        ))
    } else {
        let socket = probe::unix("{dir}/redis.sock");
        Box::new(set(Coordinated::with(command, socket), &dir, user))
    };
    server.start().unwrap_or_else(told);
    let port = server.process().unwrap().port();
    let others = addresses_of_others(port);
    server.stop().unwrap_or_else(told);
    drop(server);
    // Without a password, Redis refuses other machines (its protected mode).
    if name != "redis-server" {
        assert_eq!(others, Vec::<String>::new(), "{shown:?} serves others too");
    }
    let left = &traces(name, dir.path()) - &before;
    // Other tests run the same programs in other directories and remove their files.
    let left: Vec<_> = left.into_iter().filter(|it| it.exists()).collect();
    assert_eq!(left, Vec::<PathBuf>::new(), "{shown:?} leaves something");
}

#[test]
fn that_name_a_server_run_as_they_stand_and_leave_nothing() {
    let all = shown();
    assert!(all.len() >= 8, "{all:#?}");
    for shown in &all {
        let name = shown.command.split(' ').next().unwrap();
        let Some(program) = path_of(name) else {
            println!("{name} is not installed: {}", shown.command);
            continue;
        };
        // memcached refuses to run as root, and says so.
        if !(root() && name == "memcached") {
            run(shown, &program, None);
        }
        if root() {
            run(shown, &program, Some("nobody"));
        }
    }
}
