//! Finds the servers that the tests need. If a server is missing, its tests show as ignored, with
//! the reason, instead of failing or passing silently. What only some users may do is decided when
//! the test runs (`tests/it/needs.rs`), since another user may run the binary.

use std::path::PathBuf;

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
    println!("cargo:rerun-if-env-changed=SUMMON_ENGINE");
    announce("has_images", images());
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

/// Finds an engine with the images that `tests/scripts/images` makes.
fn images() -> Option<PathBuf> {
    // Each checkout uses different names, so that two checkouts can run at once.
    let dir = PathBuf::from("../target/images");
    let prefix = std::fs::read_to_string(dir.join("prefix")).unwrap_or_default();
    let prefix = match prefix.trim() {
        "" => "summon-test",
        prefix => prefix,
    };
    println!("cargo:rustc-env=SUMMON_TEST_IMAGES={prefix}");
    let engines = match std::env::var("SUMMON_ENGINE") {
        Ok(engine) => vec![engine],
        Err(_) => vec!["docker".into(), "podman".into()],
    };
    // The first that answers, as summon does.
    let answers = |engine: &String| {
        let info = std::process::Command::new(engine).arg("info").output();
        info.is_ok_and(|info| info.status.success())
    };
    let engine = engines.into_iter().find(answers)?;
    let image = std::process::Command::new(&engine)
        .args(["image", "inspect", &format!("{prefix}/actor:1")])
        .output();
    let built = dir.join(PathBuf::from(&engine).file_name()?);
    let built = built.with_extension("built");
    image.ok()?.status.success().then_some(built)
}

/// Finds PostgreSQL, which Debian keeps outside PATH.
fn hidden_postgres() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    versions
        .flatten()
        .map(|version| version.path().join("bin/postgres"))
        .find(|program| program.exists())
}
