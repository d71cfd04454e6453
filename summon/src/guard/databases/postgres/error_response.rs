//! Why a PostgreSQL refuses a statement or a connection.

use super::super::refusal::{Reason, Refusal};

/// The fields of an error.
#[derive(Debug, Default)]
struct ErrorResponse {
    severity: String,
    code: String,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
}

impl ErrorResponse {
    /// Decodes the fields. An incomplete error still has the fields so far.
    fn decode(mut body: &[u8]) -> ErrorResponse {
        let mut error = ErrorResponse::default();
        while let Some((kind, rest)) = body.split_first().filter(|(kind, _)| **kind != 0) {
            body = rest;
            let Some(value) = text(&mut body) else { break };
            let value = String::from_utf8_lossy(value).into_owned();
            match kind {
                b'S' => error.severity = value,
                b'C' => error.code = value,
                b'M' => error.message = value,
                b'D' => error.detail = Some(value),
                b'H' => error.hint = Some(value),
                _ => {}
            }
        }
        error
    }
}

/// Decodes an error.
pub(super) fn refusal(body: &[u8]) -> Refusal {
    let error = ErrorResponse::decode(body);
    let mut text = format!("{}: {}", error.severity, error.message);
    if let Some(detail) = &error.detail {
        text += &format!("; DETAIL: {detail}");
    }
    if let Some(hint) = &error.hint {
        text += &format!("; HINT: {hint}");
    }
    if !error.code.is_empty() {
        text += &format!(" (SQLSTATE {})", error.code);
    }
    let reason = reason(&error.code);
    Refusal { reason, text }
}

/// Translates an SQLSTATE.
fn reason(code: &str) -> Reason {
    match code {
        // `duplicate_database`.
        "42P04" => Reason::NameTaken,
        // `object_in_use`.
        "55006" => Reason::InUse,
        // `too_many_connections`, and `cannot_connect_now`: the server starts again after one of its
        // processes was killed.
        "53300" | "57P03" => Reason::Passing,
        // `disk_full`.
        "53100" => Reason::NoRoom,
        _ => Reason::Other,
    }
}

/// Says that the server wants an authentication of this kind.
pub(super) fn wants(kind: i32) -> Refusal {
    let text = format!(
        "the server asks for {}; summon makes databases only on a server that trusts connections \
         from 127.0.0.1 (`trust` in `pg_hba.conf`)",
        authentication(kind)
    );
    text.into()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_tells_the_reason() {
        for (code, reason) in [
            ("42P04", Reason::NameTaken),
            ("55006", Reason::InUse),
            ("53300", Reason::Passing),
            ("57P03", Reason::Passing),
            ("53100", Reason::NoRoom),
            ("42P01", Reason::Other),
        ] {
            // The words are another code's.
            let error = format!("SERROR\0C{code}\0Msays (SQLSTATE 53300)\0\0");
            assert_eq!(refusal(error.as_bytes()).reason, reason, "{code}");
        }
    }
}
