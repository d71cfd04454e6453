//! The functions of HTTP probes that fuzz targets call.

use std::io::{self, Read, Write};

use summon_syntax::url::Url;

use super::Http;
use super::answer::Wanted;
use super::ask::{Exchange, Failed};
use crate::number_set::Statuses;
use crate::probe::Probe;

/// Sends a request, and reads the status of the answer and its body.
pub fn ask(stream: impl Read + Write, request: &[u8]) -> io::Result<(u16, Vec<u8>)> {
    let wanted = Wanted {
        allowed: Statuses::from(100..=999),
        body: true,
        is_head: false,
    };
    let mut exchange = Exchange::new(stream, request.to_vec(), wanted);
    match exchange.go_on() {
        Ok(Some(answer)) => Ok((answer.status, answer.body)),
        Ok(None) => Err(io::ErrorKind::WouldBlock.into()),
        Err(Failed::Io(error)) => Err(error),
        Err(Failed::NoAnswer(why)) => Err(io::Error::other(format!("{why:?}"))),
    }
}

/// Returns the request of a probe, if its arguments are valid.
pub fn request(probe: &Http) -> Option<Vec<u8>> {
    probe.check().ok()?;
    let url = Url::parse(&probe.url).ok()?;
    Some(probe.request(&url))
}

/// Makes a probe as a user could.
pub fn probe(url: &str, method: &str, headers: Vec<(String, String)>, body: &[u8]) -> Http {
    Http {
        method: method.to_owned(),
        headers,
        body: body.to_owned(),
        ..super::http(url)
    }
}

/// Returns whether a status means ready.
pub fn allow(statuses: &Statuses, status: u16) -> bool {
    statuses.allow(status)
}
