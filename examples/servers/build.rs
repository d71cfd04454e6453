//! Finds the servers. If a server is missing, its tests show as ignored, with the reason, instead
//! of failing or passing silently.

use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=PATH");
    // `summon::servers` also looks in directories outside PATH.
    for (cfg, programs) in [
        ("has_redis", ["redis-server", "valkey-server"].as_slice()),
        ("has_postgres", &["postgres"]),
        ("has_mariadb", &["mariadbd", "mysqld"]),
        ("has_memcached", &["memcached"]),
        ("has_nats", &["nats-server"]),
    ] {
        let found = |program: &&str| on_path(program).or_else(|| hidden(program));
        announce(cfg, programs.iter().find_map(found));
    }
    for (cfg, program) in [
        ("has_nginx", "nginx"),
        ("has_mosquitto", "mosquitto"),
        ("has_etcd", "etcd"),
        ("has_haproxy", "haproxy"),
        ("has_moto", "moto_server"),
    ] {
        announce(cfg, on_path(program));
    }
    // Debian's script on PATH insists on a user and on system directories.
    let rabbitmq = PathBuf::from("/usr/lib/rabbitmq/bin/rabbitmq-server");
    announce("has_rabbitmq", rabbitmq.exists().then_some(rabbitmq));
    let zookeeper = PathBuf::from("/usr/share/zookeeper/bin/zkServer.sh");
    announce("has_zookeeper", zookeeper.exists().then_some(zookeeper));
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
    let mut all = std::env::split_paths(&path).map(|dir| dir.join(program));
    all.find(|program| program.is_file())
}

fn hidden(program: &str) -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql");
    let versions = versions.into_iter().flatten().flatten();
    let dirs = versions.map(|version| version.path().join("bin"));
    let mut all = dirs.chain([PathBuf::from("/usr/sbin")]);
    all.find_map(|dir| Some(dir.join(program)).filter(|program| program.is_file()))
}
