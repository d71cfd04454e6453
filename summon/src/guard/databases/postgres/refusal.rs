//! Why a PostgreSQL refuses a statement or a connection.

use std::fmt;

/// The server's reason for a refusal, in its own words.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Refusal {
    severity: String,
    code: String,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
}

impl Refusal {
    /// Decodes the fields of an error. An incomplete one still has the fields so far.
    pub(super) fn decode(mut body: &[u8]) -> Refusal {
        let mut refusal = Refusal::default();
        while let Some((kind, rest)) = body.split_first().filter(|(kind, _)| **kind != 0) {
            body = rest;
            let Some(value) = text(&mut body) else { break };
            let value = String::from_utf8_lossy(value).into_owned();
            match kind {
                b'S' => refusal.severity = value,
                b'C' => refusal.code = value,
                b'M' => refusal.message = value,
                b'D' => refusal.detail = Some(value),
                b'H' => refusal.hint = Some(value),
                _ => {}
            }
        }
        refusal
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity, self.message)?;
        if let Some(detail) = &self.detail {
            write!(f, "; DETAIL: {detail}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "; HINT: {hint}")?;
        }
        match self.code.as_str() {
            "" => Ok(()),
            code => write!(f, " (SQLSTATE {code})"),
        }
    }
}

/// Says that the server wants an authentication of this kind.
pub(super) fn wants(kind: i32) -> String {
    format!(
        "the server asks for {}; summon makes databases only on a server that trusts connections \
         from 127.0.0.1 (`trust` in `pg_hba.conf`)",
        authentication(kind)
    )
}

/// Names a kind of authentication.
fn authentication(kind: i32) -> String {
    match kind {
        3 | 5 | 10 => "a password".to_owned(),
        7..=9 => "Kerberos or SSPI".to_owned(),
        kind => format!("authentication {kind}"),
    }
}

/// Takes a text off the front. A zero byte ends it.
pub(super) fn text<'a>(body: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = body.iter().position(|byte| *byte == 0)?;
    let text = &body[..end];
    *body = &body[end + 1..];
    Some(text)
}
