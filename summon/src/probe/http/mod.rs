//! The probe that waits until a URL answers as expected.

mod answer;
mod ask;
mod body;
#[cfg(fuzzing)]
pub mod fuzzing;
mod head;
mod history;
mod no_answer;
mod otherwise;

mod requests;
mod retry_after;
#[cfg(feature = "tls")]
mod tls;

use summon_syntax::url::{OWN_PORT, Url};

use std::hash::{Hash, Hasher};

use super::endpoint::Place;
use super::listen;
use super::{
    AtTheEnd, Endpoint, Explained, Facts, Listener, NotReady, Probe, Target, wrong_address,
};
use crate::number_set::Statuses;
use crate::output;
use crate::sys::listeners::Protocol;
use history::History;

/// A probe for a URL, made by [`http`].
///
/// [`HttpCoordinatedExecutor`](crate::HttpCoordinatedExecutor) uses it:
///
/// ```
/// use summon::{Coordinated, HttpCoordinatedExecutor, probe};
///
/// let api: Coordinated<probe::Http> = HttpCoordinatedExecutor::new("my-api", "http://localhost:8080");
/// ```
#[derive(Clone, Debug, Hash)]
pub struct Http {
    url: String,
    pub(crate) method: String,
    pub(crate) statuses: Statuses,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) body_matches: Option<String>,
}

/// Waits until the process listens on the host and port of the URL and answers a request with the
/// expected status. Default: GET, and any status from 200 to 299.
///
/// The URL may contain placeholders, and usually does: `http://localhost:{port}/health`. The final
/// status decides, together with the body if [`body_matches`](Http::body_matches) is set. summon does not
/// follow redirects: a redirect is an answer. It skips `100 Continue`, `103 Early Hints`, and other
/// interim answers.
///
/// A request waits for its answer until the time-out. If no answer comes within a second, summon sends
/// another request in parallel; later it waits half of the time waited so far, at most ten seconds. The
/// first good answer counts. So a server may be slow with its first answer, and may let one connection
/// hang. After an answer of 429 or 503 with `Retry-After`, summon sends no request for that time. It
/// shortens a pause that would end after the time-out, so that one more request comes before it.
///
/// If the status is wrong, the report also shows the first line of the body, unless the body is an HTML
/// page or compressed. A request waits up to 0.1 s for that body.
///
/// `https://` needs the feature `tls`. summon does not verify the certificate, since test certificates
/// rarely can be verified. It checks which process listens instead.
///
/// ```no_run
/// let api = summon::Coordinated::with(
///     "my-api --port {port}",
///     summon::probe::http("http://localhost:{port}/health"),
/// );
/// api.start()?;
/// println!("{}", api.url("/users"));
/// # Ok::<(), summon::Error>(())
/// ```
pub fn http(url: impl Into<String>) -> Http {
    Http {
        url: url.into(),
        method: "GET".to_owned(),
        statuses: Statuses::from(200..=299),
        headers: Vec::new(),
        body: Vec::new(),
        body_matches: None,
    }
}

impl Probe for Http {
    fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
        let filled = target.values().fill(&self.url)?;
        let url = Url::parse(&filled).map_err(NotReady::ever)?;
        let port = url.number().map_err(NotReady::ever)?;
        let addr = match self.history(target, |it| it.addr) {
            Some(addr) => addr,
            None => {
                let protocol = Protocol::Tcp;
                let place = Place { protocol, port };
                let whose = whose(&Url::parse(&self.url).map_err(NotReady::ever)?);
                let found = listen::look(target, url.host, place, whose);
                self.history(target, |it| match found {
                    Ok(addr) => it.addr = Some(addr),
                    Err(_) => it.outcome = None,
                });
                found?
            }
        };
        if target.values().port() == Ok(port) {
            target.found_at(addr);
        }
        self.ask(target, addr, &url)
    }

    fn describe(&self, target: &Target<'_>) -> String {
        let url = target.values().fill(&self.url);
        let url = url.unwrap_or_else(|_| self.url.clone());
        let body = self.body_matches.as_ref();
        let body = body.map_or(String::new(), |wanted| {
            format!(" with a body that matches `{wanted}`")
        });
        format!("{} {url} to answer {}{body}", self.method, self.statuses)
    }

    fn explain(&self, target: &Target<'_>) -> Explained {
        let hint = self.history(target, |it| {
            // A server that has answered speaks HTTP, so don't try other protocols on it.
            let addr = it.asked.filter(|_| !it.has_answered);
            it.outcome.as_ref()?.hint(target, addr)
        });
        if let Some(hint) = hint {
            return Explained {
                hint: Some(hint),
                last: None,
            };
        }
        let Ok(filled) = target.values().fill(&self.url) else {
            return Explained::default();
        };
        match Url::parse(&filled).and_then(|url| Ok((url.host.to_owned(), url.number()?))) {
            Ok((host, port)) => {
                let protocol = Protocol::Tcp;
                let written = Url::parse(&self.url)
                    .map(|url| url.port)
                    .unwrap_or_default();
                let placeholder = Some(written).filter(|port| port.starts_with('{'));
                wrong_address::explain(target, &host, Place { protocol, port }, placeholder)
            }
            Err(_) => Explained::default(),
        }
    }

    fn check(&self) -> Result<(), String> {
        Url::parse(&self.url)?;
        let token = |text: &str| {
            let extra = |c: char| "!#$%&'*+-.^_`|~".contains(c);
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || extra(c))
        };
        if !token(&self.method) {
            return Err(format!("`{}` is not an HTTP method", self.method));
        }
        let upper = self.method.to_ascii_uppercase();
        if METHODS.contains(&upper.as_str()) && upper != self.method {
            let method = &self.method;
            return Err(format!("`{method}` is not an HTTP method: write `{upper}`"));
        }
        for (name, value) in &self.headers {
            if !token(name) || value.contains(['\r', '\n']) {
                let value = value.escape_debug();
                return Err(format!("`{name}: {value}` is not an HTTP header"));
            }
        }
        if self.statuses.is_empty() {
            return Err("`status` is empty, so no answer could be right".to_owned());
        }
        if let Some(other) = self.statuses.first_outside(100..600) {
            return Err(format!(
                "`status`: {other} is not an HTTP status; these are from 100 to 599"
            ));
        }
        match &self.body_matches {
            Some(_) if self.method == "HEAD" => {
                Err("`body_matches` can't match an answer to HEAD, which has no body".to_owned())
            }
            Some(wanted) => match output::of_text(wanted) {
                Ok(_) => Ok(()),
                Err(why) => Err(format!("`body_matches` {why}")),
            },
            None => Ok(()),
        }
    }

    fn hash_options(&self, mut state: &mut dyn Hasher) {
        ("http", self).hash(&mut state);
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            endpoint: self.endpoint(),
            at_the_end: AtTheEnd::Port,
            texts: vec![&self.url],
            ..Facts::default()
        }
    }
}

impl Http {
    /// Calls `act` with the history of the requests to this URL.
    fn history<R>(&self, target: &Target<'_>, act: impl FnOnce(&mut History) -> R) -> R {
        target.memory.with(&self.url, act)
    }

    fn endpoint(&self) -> Option<Endpoint> {
        let url = Url::parse(&self.url).ok()?;
        let port = match url.port {
            OWN_PORT => 0,
            number => number.parse().ok()?,
        };
        Some(Endpoint {
            host: url.host.to_owned(),
            port,
            protocol: Protocol::Tcp,
        })
    }

    /// Also requires a body that matches this regular expression. The probe reads at most the first MiB,
    /// and waits until the body ends or reaches that size. It reads the body as UTF-8, and asks the server
    /// not to compress it. `^` and `$` match at the start and end of the body, or of each line with `(?m)`.
    /// Default: any body.
    ///
    /// ```
    /// use summon::{Coordinated, probe};
    ///
    /// let health = probe::http("http://localhost:{port}/health").body_matches(r#""status": *"UP""#);
    /// Coordinated::with("my-api --port {port}", health);
    /// ```
    #[must_use]
    pub fn body_matches(mut self, pattern: impl Into<String>) -> Http {
        self.body_matches = Some(pattern.into());
        self
    }
}

/// The common methods. Methods are case-sensitive (RFC 9110, section 9.1).
const METHODS: [&str; 8] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE",
];

/// Returns who must own the server: for `{db.port}` another process, for all other ports the service.
fn whose(url: &Url<'_>) -> Listener {
    match url.port.contains('.') {
        true => Listener::Any,
        false => Listener::Own,
    }
}
