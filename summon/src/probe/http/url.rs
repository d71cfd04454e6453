//! As much of URLs as a probe needs. The macros read literals with this very file.

/// The parts of a URL that a request needs.
#[derive(Debug, PartialEq)]
pub(super) struct Url<'a> {
    pub(super) is_tls: bool,
    pub(super) authority: &'a str,
    pub(super) host: &'a str,
    /// A number or a placeholder.
    pub(super) port: &'a str,
    /// With the query, without the fragment.
    pub(super) path: &'a str,
}

impl Url<'_> {
    pub(super) fn parse(text: &str) -> Result<Url<'_>, String> {
        let wrong = |why: &str| {
            format!("the URL `{text}` {why}; it should look like http://localhost:{{port}}/health")
        };
        if text.contains(|c: char| c.is_control() || c == ' ') {
            return Err(wrong("contains a space or a control character"));
        }
        let (is_tls, rest) = if let Some(rest) = text.strip_prefix("http://") {
            (false, rest)
        } else if let Some(rest) = text.strip_prefix("https://") {
            (true, rest)
        } else {
            return Err(wrong("does not begin with http://"));
        };
        if is_tls && cfg!(not(feature = "tls")) {
            return Err(format!("the URL `{text}` asks for TLS; {NO_TLS}"));
        }
        let rest = rest.split('#').next().unwrap_or(rest);
        let (authority, path) = match rest.find(['/', '?']) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if authority.contains('@') {
            return Err(wrong("contains a user name; send a header instead"));
        }
        // The last colon, but not one inside an IPv6 address or a placeholder.
        let colon = authority
            .rmatch_indices(':')
            .map(|(at, _)| at)
            .find(|at| !authority[*at..].contains(']') && !in_braces(authority, *at));
        let (host, port) = match colon {
            Some(at) => (&authority[..at], &authority[at + 1..]),
            None if is_tls => (authority, "443"),
            None => (authority, "80"),
        };
        if host.is_empty() {
            return Err(wrong("has no host"));
        }
        let is_port = |number: &str| {
            number.starts_with(|first: char| first.is_ascii_digit())
                && number.parse::<u16>().is_ok_and(|port| port != 0)
        };
        if !port.starts_with('{') && !is_port(port) {
            return Err(wrong("has no port between 1 and 65535"));
        }
        Ok(Url {
            is_tls,
            authority,
            host,
            port,
            path: if path.is_empty() { "/" } else { path },
        })
    }

    /// The port, once its placeholder is filled in.
    pub(super) fn number(&self) -> Result<u16, String> {
        let port = self.port.parse();
        port.map_err(|_| format!("`{}` is no port", self.port))
    }
}

pub(super) const OWN_PORT: &str = "{port}";

/// What to do about `https://`.
pub(super) const NO_TLS: &str = "that needs the feature `tls` of summon-process";

fn in_braces(text: &str, at: usize) -> bool {
    text[..at].rfind('{') > text[..at].rfind('}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let url = Url::parse("http://localhost:{port}/a/b?c=d:e#f").unwrap();
        assert_eq!(
            (url.host, url.port, url.path),
            ("localhost", "{port}", "/a/b?c=d:e")
        );
        let url = Url::parse("http://[::1]:8080?x").unwrap();
        assert_eq!((url.host, url.port, url.path), ("[::1]", "8080", "?x"));
        let url = Url::parse("http://{host}").unwrap();
        assert_eq!((url.host, url.port, url.path), ("{host}", "80", "/"));
        let url = Url::parse("http://localhost:{port:admin}/").unwrap();
        assert_eq!((url.host, url.port), ("localhost", "{port:admin}"));
    }

    #[test]
    fn tls_is_for_those_who_have_the_feature() {
        match Url::parse("https://localhost/a") {
            Ok(url) => {
                assert!(cfg!(feature = "tls") && url.is_tls);
                assert_eq!((url.host, url.port), ("localhost", "443"));
            }
            Err(error) => assert!(cfg!(not(feature = "tls")) && error.contains(NO_TLS)),
        }
    }

    #[test]
    fn bad_urls_say_what_is_wrong() {
        for (url, why) in [
            ("localhost:80", "does not begin with http://"),
            ("http://", "has no host"),
            ("http://a:0/", "has no port between 1 and 65535"),
            ("http://a:port/", "has no port between 1 and 65535"),
            ("http://a:+80/", "has no port between 1 and 65535"),
            ("http://a:99999/", "has no port between 1 and 65535"),
            ("http://u:p@a/", "contains a user name"),
            ("http://a/b c", "contains a space"),
        ] {
            let error = Url::parse(url).unwrap_err();
            assert!(error.contains(why), "{url}: {error}");
        }
    }
}
