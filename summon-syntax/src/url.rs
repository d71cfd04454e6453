//! URLs of HTTP probes.

/// The parts of a URL that an HTTP request needs.
#[derive(Debug, PartialEq)]
pub struct Url<'a> {
    /// Whether the URL begins with `https://`.
    pub is_tls: bool,
    /// The host and the port, as the URL has them.
    pub authority: &'a str,
    /// The host: a name, an address, or a placeholder.
    pub host: &'a str,
    /// The port: a number or a placeholder. Default: 80, or 443 with TLS.
    pub port: &'a str,
    /// The path with the query, without the fragment. Default: `/`.
    pub path: &'a str,
}

impl Url<'_> {
    /// Reads a URL. The error quotes the text and shows how to write one.
    pub fn parse(text: &str) -> Result<Url<'_>, String> {
        let wrong = |why: &str| {
            format!(
                "the URL `{text}` {why}; write, for example, `http://localhost:{{port}}/health`"
            )
        };
        if text.contains(|c: char| c.is_control() || c == ' ') {
            return Err(wrong("contains a space or a control character"));
        }
        let (is_tls, rest) = if let Some(rest) = text.strip_prefix("http://") {
            (false, rest)
        } else if let Some(rest) = text.strip_prefix("https://") {
            (true, rest)
        } else {
            return Err(wrong("does not begin with `http://`"));
        };
        if is_tls && cfg!(not(feature = "tls")) {
            return Err(format!("the URL `{text}` uses TLS; {NO_TLS}"));
        }
        let rest = rest.split('#').next().unwrap_or(rest);
        let (authority, path) = match rest.find(['/', '?']) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if authority.contains('@') {
            return Err(wrong(
                "contains a user name; leave it out, and send a `header` instead",
            ));
        }
        // Find the last colon outside an IPv6 address and outside a placeholder.
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

    /// Returns the port of a URL without placeholders.
    ///
    /// # Errors
    ///
    /// If the port is not a number from 0 to 65535.
    pub fn number(&self) -> Result<u16, String> {
        let port = self.port.parse();
        port.map_err(|_| format!("`{}` is not a port", self.port))
    }
}

/// The placeholder for the port of the process itself.
pub const OWN_PORT: &str = "{port}";

/// Says how to enable TLS.
pub const NO_TLS: &str = "enable the feature `tls` of summon-process";

fn in_braces(text: &str, at: usize) -> bool {
    text[..at].rfind('{') > text[..at].rfind('}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_split_into_parts() {
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
    fn tls_needs_the_feature() {
        match Url::parse("https://localhost/a") {
            Ok(url) => {
                assert!(cfg!(feature = "tls") && url.is_tls);
                assert_eq!((url.host, url.port), ("localhost", "443"));
            }
            Err(error) => assert!(cfg!(not(feature = "tls")) && error.contains(NO_TLS)),
        }
    }

    #[test]
    fn errors_say_what_is_wrong() {
        for (url, why) in [
            ("localhost:80", "does not begin with `http://`"),
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
