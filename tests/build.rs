//! Finds the servers that the tests need. If a server is missing, its tests show as ignored, with
//! the reason, instead of failing or passing silently.

use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=PATH");
    // The emulator for this machine's own processor.
    let qemu = format!("qemu-{}", std::env::consts::ARCH);
    for (cfg, program) in [
        ("has_cc", "cc"),
        ("has_redis", "redis-server"),
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
    let status = std::fs::metadata("/proc/self");
    let is_root = status.is_ok_and(|found| std::os::unix::fs::MetadataExt::uid(&found) == 0);
    announce("is_root", is_root.then(|| PathBuf::from("build.rs")));
    announce("may_set_uid", set_uid());
    announce("may_set_capabilities", set_capabilities());
    let unshare = std::process::Command::new("unshare")
        .args(["-rn", "true"])
        .status();
    let unshare = unshare.is_ok_and(|status| status.success());
    announce("has_unshare", unshare.then(|| on_path("unshare")).flatten());
    let pair = std::process::Command::new("unshare")
        .args(["-rn", "ip", "link", "add", "one", "type", "veth"])
        .output();
    let has_ip = pair.is_ok_and(|pair| pair.status.success());
    announce("has_ip", has_ip.then(|| on_path("ip")).flatten());
    let mount = std::process::Command::new("unshare")
        .args(["--mount", "mount", "-t", "tmpfs", "none", "/proc"])
        .status();
    let may_mount = mount.is_ok_and(|status| status.success());
    announce("may_mount", may_mount.then(|| on_path("unshare")).flatten());
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
        ("has_dnsmasq", "dnsmasq"),
        ("has_slapd", "slapd"),
        ("has_lighttpd", "lighttpd"),
    ] {
        let hidden = PathBuf::from("/usr/sbin").join(program);
        let hidden = hidden.exists().then_some(hidden);
        announce(cfg, on_path(program).or(hidden));
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

/// Copies a program to the temporary directory, as the tests do, changes the copy, and returns
/// whether a user without privileges then gets the wanted output from it.
fn gives(
    program: &str,
    words: &[&str],
    change: impl FnOnce(&std::path::Path),
    wanted: &str,
) -> bool {
    let name = format!("summon-build-{}", std::process::id());
    let copy = std::env::temp_dir().join(name);
    let Ok(_) = std::fs::copy(program, &copy) else {
        return false;
    };
    change(&copy);
    let said = std::process::Command::new("setpriv")
        .args(["--reuid=61009", "--regid=61009", "--clear-groups"])
        .arg(&copy)
        .args(words)
        .output();
    let _ = std::fs::remove_file(&copy);
    said.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).contains(wanted))
}

/// Whether a set-user-id program of root has an effect.
fn set_uid() -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let id = on_path("id")?;
    let change = |copy: &std::path::Path| {
        let mode = std::fs::Permissions::from_mode(0o4755);
        let _ = std::fs::set_permissions(copy, mode);
    };
    gives(id.to_str()?, &["-u"], change, "0\n").then_some(id)
}

/// Whether capabilities of a file have an effect.
fn set_capabilities() -> Option<PathBuf> {
    let (setcap, cat) = (on_path("setcap")?, on_path("cat")?);
    let change = |copy: &std::path::Path| {
        let mut command = std::process::Command::new("setcap");
        let _ = command.arg("cap_kill=ep").arg(copy).status();
    };
    let wanted = "CapEff:\t0000000000000020";
    gives(cat.to_str()?, &["/proc/self/status"], change, wanted).then_some(setcap)
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

/// Finds PostgreSQL, which Debian keeps outside PATH.
fn hidden_postgres() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    versions
        .flatten()
        .map(|version| version.path().join("bin/postgres"))
        .find(|program| program.exists())
}
