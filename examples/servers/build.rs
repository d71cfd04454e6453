//! Finds the servers, so that a test without its own shows as ignored, with the reason, instead of
//! failing or passing in silence.

use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=PATH");
    for (cfg, programs) in [
        ("has_redis", ["redis-server", "valkey-server"].as_slice()),
        ("has_postgres", &["postgres"]),
        ("has_mariadb", &["mariadbd", "mysqld"]),
        ("has_nginx", &["nginx"]),
        ("has_memcached", &["memcached"]),
        ("has_nats", &["nats-server"]),
        ("has_mosquitto", &["mosquitto"]),
        ("has_etcd", &["etcd"]),
        ("has_haproxy", &["haproxy"]),
    ] {
        announce(cfg, programs.iter().find_map(|program| find(program)));
    }
    // The one on PATH is, in Debian, a script that insists on a user and on directories.
    let rabbitmq = PathBuf::from("/usr/lib/rabbitmq/bin/rabbitmq-server");
    announce("has_rabbitmq", rabbitmq.exists().then_some(rabbitmq));
}

fn announce(cfg: &str, found: Option<PathBuf>) {
    println!("cargo:rustc-check-cfg=cfg({cfg})");
    match found {
        Some(program) => {
            println!("cargo:rustc-cfg={cfg}");
            println!("cargo:rerun-if-changed={}", program.display());
        }
        // A file that is not there makes cargo look again the next time.
        None => println!("cargo:rerun-if-changed=/no/such/file/as/{cfg}"),
    }
}

/// On PATH, or where `summon::servers` looks, too.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let on_path = std::env::split_paths(&path).map(|dir| dir.join(program));
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let hidden = versions
        .flatten()
        .map(|it| it.path().join("bin").join(program));
    let mut all = on_path
        .chain(hidden)
        .chain([Path::new("/usr/sbin").join(program)]);
    all.find(|program| program.is_file())
}
