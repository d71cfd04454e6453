//! The facts that a person needs to look into a process during a hold.

use std::ffi::OsStr;
use std::time::Duration;

use super::Process;
use crate::error::{Source as _, shown_command};
use crate::sys::signal::how_it_ended;

impl Process {
    /// Tells the guard to end the process at the latest after this time.
    pub(crate) fn hold(&self, limit: Duration) {
        if let Some(launched) = self.parts.life.launched() {
            launched.guarded.hold(limit);
        }
    }

    /// Returns the address, the URL, the client, the directory, and the log. `database` is the URL of a
    /// database of the test.
    pub(crate) fn lines_for_a_person(&self, database: Option<String>) -> Vec<String> {
        let Some(launched) = self.parts.life.launched() else {
            return vec!["it does not run".to_owned()];
        };
        let addr = self.parts.addr().ok();
        let state = match (launched.guarded.state().exit, launched.pid()) {
            (Some(status), _) => how_it_ended(status),
            (None, Some(pid)) => format!("pid {pid}"),
            (None, None) => "it has ended".to_owned(),
        };
        let addr = addr.map(|addr| addr.to_string());
        let first: Vec<String> = addr.into_iter().chain([state]).collect();
        let mut lines = vec![first.join(", ")];
        if let Some(url) = database.or_else(|| self.url_for_a_person()) {
            let client = client(&url);
            lines.push(url);
            lines.extend(client);
        }
        lines.push(format!("directory {}", launched.home.dir().display()));
        let log = launched.home.share_log();
        log.name_it();
        lines.push(format!("log {}", log.path().display()));
        lines
    }

    /// Returns the URL, if the process is known to have one.
    fn url_for_a_person(&self) -> Option<String> {
        let addr = self.parts.addr().ok()?;
        let spec = &self.parts.declaration.spec;
        if spec.scheme != "http://" {
            let path = match spec.scheme.starts_with("postgres") {
                true => "/postgres",
                false => "/",
            };
            return Some(self.url(path));
        }
        if let Some(path) = self.http_path() {
            return Some(self.url(&path));
        }
        match &*spec.command.stem()? {
            "redis-server" | "valkey-server" => Some(format!("redis://{addr}/")),
            "postgres" => Some(format!("postgres://{addr}/postgres")),
            "mariadbd" | "mysqld" => Some(format!("mysql://root@{addr}/")),
            _ => None,
        }
    }

    /// Returns the path of the URL that the process serves, if its probe has one.
    fn http_path(&self) -> Option<String> {
        let probes = &self.parts.declaration.probes;
        let mut texts = probes.iter().flat_map(|probe| probe.facts().texts);
        let (_, url) = texts
            .find(|text| text.starts_with("http"))?
            .split_once("://")?;
        let path = url.find('/').map_or("/", |at| &url[at..]);
        // The person can fill in a placeholder, and a URL with one would only confuse.
        Some(if path.contains('{') { "/" } else { path }.to_owned())
    }
}

/// Returns the command that connects a person to this URL.
fn client(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let (rest, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, host) = match rest.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, rest),
    };
    let (host, port) = host.rsplit_once(':')?;
    let host = host.trim_matches(['[', ']']);
    let words: Vec<String> = match scheme {
        "postgres" | "postgresql" => vec!["psql".into(), url.into()],
        "redis" if user.is_some() => vec!["redis-cli".into(), "-u".into(), url.into()],
        "redis" => {
            let at = ["redis-cli", "-h", host, "-p", port].map(str::to_owned);
            let number = (!path.is_empty()).then(|| ["-n".to_owned(), path.to_owned()]);
            at.into_iter().chain(number.into_iter().flatten()).collect()
        }
        "mysql" | "mariadb" => {
            let (user, password) = user.map_or(("root", None), |user| match user.split_once(':') {
                Some((user, password)) => (user, Some(password)),
                None => (user, None),
            });
            let at = ["mariadb", "-h", host, "-P", port, "-u", user].map(str::to_owned);
            let password = password.map(|password| format!("-p{password}"));
            let database = (!path.is_empty()).then(|| path.to_owned());
            at.into_iter().chain(password).chain(database).collect()
        }
        "nats" => vec!["nats".into(), "--server".into(), url.into()],
        _ => return None,
    };
    Some(shown_command(words.iter().map(OsStr::new)))
}

#[cfg(test)]
mod tests {
    use super::client;

    #[test]
    fn a_client_is_known_by_the_url() {
        for (url, command) in [
            (
                "postgres://postgres@127.0.0.1:5432/t_1",
                "psql postgres://postgres@127.0.0.1:5432/t_1",
            ),
            ("redis://127.0.0.1:6379/", "redis-cli -h 127.0.0.1 -p 6379"),
            ("redis://[::1]:6379/3", "redis-cli -h ::1 -p 6379 -n 3"),
            (
                "redis://:secret@127.0.0.1:1/",
                "redis-cli -u redis://:secret@127.0.0.1:1/",
            ),
            (
                "mysql://root@127.0.0.1:3306/a",
                "mariadb -h 127.0.0.1 -P 3306 -u root a",
            ),
            (
                "mysql://me:pw@127.0.0.1:1/",
                "mariadb -h 127.0.0.1 -P 1 -u me -ppw",
            ),
        ] {
            assert_eq!(client(url).as_deref(), Some(command));
        }
        assert_eq!(client("http://127.0.0.1:80/"), None);
    }
}
