//! Names the client program with which a person reaches a server.

use std::ffi::OsStr;

use crate::error::shown_command;

/// Returns the URL, and the command of the client if it is known.
pub(crate) fn url_and_client(url: String) -> impl Iterator<Item = String> {
    let client = client(&url);
    std::iter::once(url).chain(client)
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
