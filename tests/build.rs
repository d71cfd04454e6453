//! Finds the servers that the tests need. If a server is missing, its tests show as ignored, with
//! the reason, instead of failing or passing silently. What only some users may do is decided when
//! the test runs (`tests/it/needs.rs`), since another user may run the binary.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=PATH");
    // The emulator for this machine's own processor.
    let qemu = format!("qemu-{}", std::env::consts::ARCH);
    for (cfg, program) in [
        ("has_cc", "cc"),
        ("has_redis", "redis-server"),
        ("has_registry", "docker-registry"),
        ("has_fakeroot", "fakeroot"),
        ("has_nc", "nc"),
        ("has_nextest", "cargo-nextest"),
        ("has_python", "python3"),
        ("has_qemu", qemu.as_str()),
        ("has_script", "script"),
        ("has_systemd_notify", "systemd-notify"),
        ("has_valgrind", "valgrind"),
    ] {
        announce(cfg, on_path(program));
    }
    let both = on_path("nginx").filter(|_| on_path("openssl").is_some());
    announce("has_nginx_and_openssl", both);
    let free = std::process::Command::new("df")
        .args(["-B1", "--output=avail,fstype", "/dev/shm"])
        .output();
    let free = free.map(|free| String::from_utf8_lossy(&free.stdout).into_owned());
    let free = free.unwrap_or_default();
    let mut last = free.lines().last().unwrap_or_default().split_whitespace();
    let bytes = last.next().and_then(|bytes| bytes.parse::<u64>().ok());
    let has_memory =
        bytes.is_some_and(|bytes| bytes > 2_000_000_000) && last.next() == Some("tmpfs");
    announce("has_memory", has_memory.then(|| PathBuf::from("build.rs")));
    announce("has_postgres", on_path("postgres").or_else(hidden_postgres));
    for (cfg, program) in [
        ("has_mariadb", "mariadbd"),
        ("has_nats", "nats-server"),
        ("has_memcached", "memcached"),
        ("has_mosquitto", "mosquitto"),
        ("has_etcd", "etcd"),
        ("has_moto", "moto_server"),
        ("has_nginx", "nginx"),
        ("has_dnsmasq", "dnsmasq"),
        ("has_slapd", "slapd"),
        ("has_lighttpd", "lighttpd"),
    ] {
        let hidden = PathBuf::from("/usr/sbin").join(program);
        let hidden = hidden.exists().then_some(hidden);
        announce(cfg, on_path(program).or(hidden));
    }
    announce_images();
    for (cfg, program) in [
        ("has_rabbitmq", "/usr/lib/rabbitmq/bin/rabbitmq-server"),
        ("has_zookeeper", "/usr/share/zookeeper/bin/zkServer.sh"),
    ] {
        let program = PathBuf::from(program);
        announce(cfg, program.exists().then_some(program));
    }
    announce(
        "is_rustc_1_95",
        on_path("rustc").filter(|_| is_rustc("1.95")),
    );
}

fn announce(cfg: &str, found: Option<PathBuf>) {
    println!("cargo:rustc-check-cfg=cfg({cfg})");
    match found {
        Some(program) => {
            println!("cargo:rustc-cfg={cfg}");
            println!("cargo:rerun-if-changed={}", program.display());
        }
        // A file that does not exist makes cargo run this script again.
        None => println!("cargo:rerun-if-changed=/no/such/file/as/{cfg}"),
    }
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|program| program.exists())
}

/// Whether the compiler is the version behind the messages in `ui`. Other versions use other words
/// for the same mistakes.
fn is_rustc(version: &str) -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = std::process::Command::new(rustc).arg("--version").output();
    let said = said.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    said.is_ok_and(|said| said.starts_with(&format!("rustc {version}.")))
}

/// Tells whether an engine has the images that `tests/scripts/images` makes, and the beginning of their
/// names. Each checkout uses different names, so that two checkouts can run at once.
fn announce_images() {
    let file = Path::new("../target/images/prefix");
    // If the file did not exist, each cargo command would run this script and compile all tests again. A
    // file of this moment would have the same effect once.
    if !file.exists() && std::fs::create_dir_all("../target/images").is_ok() {
        let _ = File::create(file).and_then(|file| file.set_modified(SystemTime::UNIX_EPOCH));
    }
    println!("cargo:rerun-if-changed={}", file.display());
    println!("cargo:rustc-check-cfg=cfg(has_images)");
    let prefix = std::fs::read_to_string(file).unwrap_or_default();
    println!("cargo:rustc-env=SUMMON_TEST_IMAGES={}", prefix.trim());
    if !prefix.is_empty() {
        println!("cargo:rustc-cfg=has_images");
    }
}

/// Finds PostgreSQL, which Debian keeps outside PATH.
fn hidden_postgres() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    versions
        .flatten()
        .map(|version| version.path().join("bin/postgres"))
        .find(|program| program.exists())
}
