//! The body of an answer: as much of it as is said to come, and no more than matters.

use super::answer::{LONGEST_LINE, NoAnswer, header};

/// What follows this much of a body is not read.
pub(super) const LONGEST_BODY: usize = 1024 * 1024;

/// The body, once as much of it has come as is read.
pub(super) fn body(head: &[u8], rest: &[u8], ended: bool) -> Result<Option<Vec<u8>>, NoAnswer> {
    let coding = header(head, "transfer-encoding").unwrap_or_default();
    if coding.to_ascii_lowercase().ends_with(b"chunked") {
        return chunks(rest, ended);
    }
    let length = header(head, "content-length").map(|length| {
        let length = std::str::from_utf8(length).ok()?;
        length.parse::<usize>().ok()
    });
    let length = match length {
        Some(None) => return Err(NoAnswer::BadBody),
        Some(Some(length)) => Some(length.min(LONGEST_BODY)),
        None => None,
    };
    let enough = length.unwrap_or(LONGEST_BODY);
    match length {
        _ if rest.len() >= enough => Ok(Some(rest[..enough].to_vec())),
        // It ends with the connection.
        None if ended => Ok(Some(rest.to_vec())),
        Some(_) if ended => Err(NoAnswer::CutOff),
        _ => Ok(None),
    }
}

/// Takes chunks apart (RFC 9112, section 7.1).
fn chunks(mut rest: &[u8], ended: bool) -> Result<Option<Vec<u8>>, NoAnswer> {
    let mut body = Vec::new();
    loop {
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            return match rest.len() < LONGEST_LINE {
                true if ended => Err(NoAnswer::CutOff),
                true => Ok(None),
                false => Err(NoAnswer::BadBody),
            };
        };
        let line = rest[..end].split(|byte| *byte == b';').next();
        let size = line.and_then(|size| std::str::from_utf8(size.trim_ascii()).ok());
        let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.ok_or(NoAnswer::BadBody)?;
        let data = &rest[end + 1..];
        if size == 0 {
            return Ok(Some(body));
        }
        body.extend(&data[..size.min(data.len())]);
        if body.len() >= LONGEST_BODY {
            body.truncate(LONGEST_BODY);
            return Ok(Some(body));
        }
        rest = match data.get(size..) {
            Some(behind) if behind.starts_with(b"\r\n") => &behind[2..],
            Some(behind) if behind.starts_with(b"\n") => &behind[1..],
            Some(b"" | b"\r") | None => {
                return match ended {
                    true => Err(NoAnswer::CutOff),
                    false => Ok(None),
                };
            }
            Some(_) => return Err(NoAnswer::BadBody),
        };
    }
}
