//! Parses the head of an answer.

/// The limit of a status line.
pub(super) const LONGEST_LINE: usize = 1024;

/// Parses a status line, such as `HTTP/1.1 200 OK` (RFC 9112, section 4).
pub(super) fn status(line: &[u8]) -> Option<u16> {
    let rest = line.strip_prefix(b"HTTP/")?;
    let space = rest.iter().position(|byte| *byte == b' ')?;
    let is_version = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let code = rest.get(space + 1..space + 4)?;
    let ends = |byte: &u8| byte.is_ascii_whitespace();
    if !rest[..space].iter().all(is_version)
        || !code.iter().all(u8::is_ascii_digit)
        || !rest.get(space + 4).is_some_and(ends)
    {
        return None;
    }
    let code = std::str::from_utf8(code).ok()?.parse().ok()?;
    (code >= 100).then_some(code)
}

/// Returns whether a status is final. 101 is: the bytes after it belong to another protocol.
pub(super) fn is_final(status: u16) -> bool {
    status >= 200 || status == 101
}

/// Returns the end of the empty line after a head.
pub(super) fn head_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        if matches!(line, b"\r\n" | b"\n") {
            return Some(at);
        }
    }
    None
}

/// Returns the values of all fields with a name.
pub(super) fn fields<'h>(head: &'h [u8], name: &str) -> impl Iterator<Item = &'h [u8]> {
    head.split(|byte| *byte == b'\n')
        .skip(1)
        .filter_map(move |line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let is_it = line[..colon].eq_ignore_ascii_case(name.as_bytes());
            is_it.then(|| line[colon + 1..].trim_ascii())
        })
}

/// Returns the elements of all list fields with a name (RFC 9110, section 5.6.1).
pub(super) fn list<'h>(head: &'h [u8], name: &str) -> Vec<&'h [u8]> {
    let values = fields(head, name).flat_map(|value| value.split(|byte| *byte == b','));
    let values = values.map(<[u8]>::trim_ascii);
    values.filter(|value| !value.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_line_is_read_strictly() {
        assert_eq!(status(b"HTTP/1.1 200 OK\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 404\r\n"), Some(404));
        for line in [
            &b"SSH-2.0-OpenSSH\r\n"[..],
            b"HTTP/1.1 2000 OK\r\n",
            b"HTTP/what\never 200 OK\r\n",
            b"HTTP/1.1 20\r\n",
            b"HTTP/1.1\r\n",
            b"HTTP/1.1 +20 OK\r\n",
            b"HTTP/1.1 099 OK\r\n",
            b"\n",
        ] {
            assert_eq!(status(line), None, "{line:?}");
        }
    }
}
