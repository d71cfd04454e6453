//! Checks that the parts of a URL are substrings, and that a request contains only its inputs. The
//! lines are the URL, the method, and the headers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use summon::fuzzing::http;
use summon::probe::Probe;
use summon_syntax::url::{OWN_PORT, Url};

fuzz_target!(|text: &str| {
    let mut lines = text.split('\n');
    let url = lines.next().unwrap_or_default();
    if let Ok(parts) = Url::parse(url) {
        check(url, &parts);
    }
    let method = lines.next().unwrap_or("GET");
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let probe = http::probe(url, method, headers.clone(), b"body");
    let Some(request) = http::request(&probe) else {
        return;
    };
    let request = String::from_utf8(request).expect("all was text");
    let head = request
        .strip_suffix("\r\n\r\nbody")
        .expect("a head, and the body");
    let mut lines = head.split("\r\n");
    let first: Vec<_> = lines.next().unwrap_or_default().split(' ').collect();
    let [said, path, "HTTP/1.1"] = first[..] else {
        panic!("no request line: {head:?}");
    };
    assert!(said == method && path.starts_with('/'));
    assert!(!head.replace("\r\n", "").contains(['\r', '\n']), "{head:?}");
    // The request has the required headers and the user's headers. The user may set a required
    // header.
    let said: Vec<_> = lines.filter_map(|line| line.split_once(": ")).collect();
    let count = |headers: &mut dyn Iterator<Item = &str>, wanted: &str| {
        headers.filter(|it| it.eq_ignore_ascii_case(wanted)).count()
    };
    let mut extra = 0;
    for name in ["host", "connection", "user-agent", "content-length"] {
        let given = count(&mut headers.iter().map(|(name, _)| name.as_str()), name);
        let sent = count(&mut said.iter().map(|(name, _)| *name), name);
        assert_eq!(sent, given.max(1), "{head:?}");
        extra += sent - given;
    }
    assert_eq!(said.len(), headers.len() + extra, "{head:?}");
});

fn check(text: &str, url: &Url<'_>) {
    let scheme = if url.is_tls { "https://" } else { "http://" };
    let rest = text.strip_prefix(scheme).expect("its scheme");
    let rest = rest.split('#').next().unwrap_or_default();
    assert!(
        rest == format!("{}{}", url.authority, url.path)
            || url.path == "/" && rest == url.authority
    );
    let with_port = format!("{}:{}", url.host, url.port);
    assert!(with_port == url.authority || url.host == url.authority);
    assert!(!url.host.is_empty() && !url.host.contains(['/', '?', '#', '@']));
    match url.port {
        OWN_PORT => assert!(url.number().is_err()),
        port if port.starts_with('{') => assert!(url.number().is_err()),
        port => {
            assert!(port.bytes().all(|it| it.is_ascii_digit()));
            assert!(url.number().is_ok_and(|number| number != 0));
        }
    }
    assert_eq!(summon::probe::http(text).check(), Ok(()));
}
