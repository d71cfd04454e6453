//! Says how to get a program that is not in PATH.

use crate::find_program;

/// Well-known programs with their packages in Debian and in Homebrew.
const PACKAGES: [(&str, &str, &str); 30] = [
    ("redis-server", "redis-server", "redis"),
    ("redis-cli", "redis-tools", "redis"),
    ("valkey-server", "valkey-server", "valkey"),
    ("postgres", "postgresql", "postgresql"),
    ("initdb", "postgresql", "postgresql"),
    ("pg_ctl", "postgresql", "postgresql"),
    ("pg_isready", "postgresql-client", "libpq"),
    ("psql", "postgresql-client", "libpq"),
    ("mariadbd", "mariadb-server", "mariadb"),
    ("mariadb-install-db", "mariadb-server", "mariadb"),
    ("mysql_install_db", "mariadb-server", "mariadb"),
    ("mariadb-admin", "mariadb-client", "mariadb"),
    ("mysqladmin", "mariadb-client", "mysql-client"),
    ("mysqld", "mariadb-server", "mysql"),
    ("nginx", "nginx", "nginx"),
    ("haproxy", "haproxy", "haproxy"),
    ("memcached", "memcached", "memcached"),
    ("nats-server", "nats-server", "nats-server"),
    ("mosquitto", "mosquitto", "mosquitto"),
    ("rabbitmq-server", "rabbitmq-server", "rabbitmq"),
    ("etcd", "etcd-server", "etcd"),
    ("zkServer.sh", "zookeeper", "zookeeper"),
    ("dnsmasq", "dnsmasq-base", "dnsmasq"),
    ("caddy", "caddy", "caddy"),
    ("python3", "python3", "python"),
    ("node", "nodejs", "node"),
    ("java", "default-jre-headless", "openjdk"),
    ("nc", "netcat-openbsd", "netcat"),
    ("curl", "curl", "curl"),
    ("docker", "docker.io", "docker"),
];

/// Says where a program outside PATH is, or which package contains it.
pub(super) fn missing(name: &str) -> Option<String> {
    if let Some(path) = find_program::hidden(name) {
        return Some(format!(
            "it is at {}; write that path, or add its directory to PATH",
            path.display()
        ));
    }
    if name == "moto_server" {
        return Some("install it: `pip install 'moto[server]'`".into());
    }
    let (_, apt, brew) = PACKAGES.iter().find(|(known, ..)| *known == name)?;
    Some(format!(
        "install it: `apt install {apt}` or `brew install {brew}`"
    ))
}

#[cfg(test)]
mod tests {
    use super::missing;

    #[test]
    fn each_program_of_a_ready_made_server_has_a_hint() {
        let programs = [
            "redis-server",
            "postgres",
            "initdb",
            "mariadbd",
            "mariadb-install-db",
            "memcached",
            "nats-server",
            "nginx",
            "mosquitto",
            "rabbitmq-server",
            "etcd",
            "zkServer.sh",
            "moto_server",
        ];
        let without = programs.into_iter().filter(|name| missing(name).is_none());
        assert_eq!(without.collect::<Vec<_>>(), [""; 0]);
    }
}
