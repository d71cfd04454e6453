//! The answers over HTTP that count as ready.

mod recovery;

use std::time::{Duration, Instant};

use summon::{Coordinated, HttpCoordinatedExecutor, Process, probe, summon};

use crate::needs::needs;
use crate::support::{ACTOR, actor};

const URL: &str = "http://127.0.0.1:{port}/";

fn server<const N: usize>(script: [&str; N]) -> HttpCoordinatedExecutor {
    HttpCoordinatedExecutor::new(actor(script), URL)
}

fn responds(text: &str) -> HttpCoordinatedExecutor {
    server(["quiet", "respond", "127.0.0.1:{port}", text])
}

/// Returns the error of a server that answers. On a busy machine, it may need several starts to listen in time.
fn error_of(server: HttpCoordinatedExecutor) -> String {
    let server = server.timeout("2s");
    let starts = (0..10).map(|_| server.start().unwrap_err().to_string());
    const LATE: [&str; 5] = [
        "nothing listens there",
        "it does not accept a connection in time",
        "but does not answer within",
        "before it was exec'ed",
        "which runs before it, did not end in time",
    ];
    let is_late = |error: &String| LATE.iter().any(|late| error.contains(late));
    let mut starts = starts.skip_while(is_late);
    starts.next().expect("the server never listens")
}

#[test]
fn an_interim_answer_is_not_the_answer() {
    let interim = "HTTP/1.1 100 Continue;;HTTP/1.1 103 Early Hints;Link: </a>;;";
    let bad = responds(&format!("{interim}HTTP/1.1 503 No;;"))
        .status(100..=503)
        .status(100);
    let error = error_of(bad);
    assert!(error.contains("it answers 503 ("), "{error}");
    responds(&format!("{interim}HTTP/1.1 200 OK;;"))
        .start()
        .unwrap();
    let error = error_of(responds(interim));
    assert!(
        error.contains("it closes the connection before the end of its answer"),
        "{error}"
    );
    // Another protocol follows this status, so the response is final.
    let error = error_of(responds("HTTP/1.1 101 Switching Protocols;Upgrade: h2c;;"));
    let hint = "it switched to another protocol, `h2c`: if that means ready, set `status = 101`";
    assert!(error.contains(hint), "{error}");
    responds("HTTP/1.1 101 Switching Protocols;;")
        .status(101)
        .start()
        .unwrap();
}

#[test]
fn an_answer_may_take_longer_than_the_first_patience() {
    let slow = server(["slow", "127.0.0.1:{port}", "2500"]).timeout("20s");
    slow.start().unwrap();
}

#[test]
fn a_request_that_hangs_for_good_is_overcome() {
    let hangs = server(["hang", "127.0.0.1:{port}"]);
    let began = Instant::now();
    hangs.start().unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(25),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn a_server_that_asks_for_a_pause_gets_it() {
    // The server ends if it gets a request too soon.
    let limited = server(["limited", "127.0.0.1:{port}", "1"]);
    limited.start().unwrap();
    // A pause longer than the time-out leaves time for one last request.
    let pause = "Retry-After: 3600;Content-Length: 0;;";
    let later = format!("HTTP/1.1 503 Unavailable;{pause}");
    let later = server(["respond", "127.0.0.1:{port}", &later]).timeout("3s");
    let error = later.start().unwrap_err();
    let told = "it answers 503, and asks for a pause of 3600 s (";
    assert!(error.to_string().contains(told), "{error}");
    let never = "HTTP/1.1 503 No;Retry-After: 99999999999999999999;Content-Length: 0;;";
    let told = error_of(responds(never));
    assert!(
        told.contains("asks for a pause of more than a day ("),
        "{told}"
    );
    let asked = String::from_utf8_lossy(error.output())
        .matches("GET /")
        .count();
    assert!((2..9).contains(&asked), "{asked}");
}

#[summon(
    http = [ACTOR, "quiet", "respond", "127.0.0.1:{port}", "HTTP/1.1 200 OK;;{\"status\": \"UP\"}"],
    path = "/health",
    body_matches = r#""status": *"UP""#,
)]
#[test]
fn a_body_is_asked_for_in_an_attribute(server: &Process) {
    assert!(server.is_running());
}

#[test]
fn a_body_must_match_if_asked() {
    let text = "HTTP/1.1 200 OK;Content-Length: 4;;DOWN";
    let error = error_of(responds(text).body_matches("UP"));
    let expected = "to answer 200 to 299 with a body that matches `UP`: it answers 200, but its body does not match, \
                    4 bytes: \"DOWN\" (";
    assert!(error.contains(expected), "{error}");
    assert!(!error.contains("\n  hint"), "{error}");
    for text in [
        "HTTP/1.1 200 OK;Transfer-Encoding: chunked;;1;U;1;P;0;;",
        "HTTP/1.1 200 OK;Content-Length: 2;;UP",
        "HTTP/1.1 103 Hints;;HTTP/1.1 200 OK;;UP",
        "HTTP/1.1 200 OK;;\u{feff}UP",
    ] {
        responds(text).body_matches("^UP$").start().unwrap();
    }
    let cut = error_of(responds("HTTP/1.1 200 OK;Content-Length: 9;;UP").body_matches("UP"));
    assert!(
        cut.contains("it closes the connection before the end of its answer"),
        "{cut}"
    );
    // The status must match, too.
    let error = error_of(responds("HTTP/1.1 500 No;Content-Length: 2;;UP").body_matches("UP"));
    assert!(error.contains("it answers 500: \"UP\" ("), "{error}");
}

#[test]
fn a_body_that_is_endless_or_can_not_be_is_told() {
    let endless = server(["endless", "127.0.0.1:{port}", "HTTP/1.1 200 OK;;"]);
    let error = error_of(endless.body_matches("UP"));
    assert!(
        error.contains("but its body does not match, more than 1 MiB: \"zzz"),
        "{error}"
    );
    let endless = server(["endless", "127.0.0.1:{port}", "HTTP/1.1 200 OK;;"]);
    endless.body_matches("^z+$").timeout("20s").start().unwrap();
    let error = error_of(responds("").body_matches("(UP"));
    assert!(
        error.contains("`body_matches` is not a valid regular expression: "),
        "{error}"
    );
    let error = error_of(responds("").body_matches("UP").method("HEAD"));
    assert!(error.contains("which has no body"), "{error}");
    let health = probe::http(URL).body_matches("UP");
    let script = actor([
        "quiet",
        "respond",
        "127.0.0.1:{port}",
        "HTTP/1.1 200 OK;;UP",
    ]);
    Coordinated::with(script, health).start().unwrap();
}

#[test]
fn an_answer_that_does_not_end_is_told_as_what_it_is() {
    let begins = |text: &str| server(["quiet", "begin", "127.0.0.1:{port}", text]);
    let stream = "HTTP/1.1 200 OK;Content-Type: text/event-stream;;data: UP;;";
    // If no body is expected, the status is enough.
    for text in [
        stream,
        "HTTP/1.1 200 OK;Content-Length: 9;;UP",
        "HTTP/1.1 200 OK;A",
    ] {
        begins(text).start().unwrap();
    }
    let error = error_of(begins(stream).body_matches("UP"));
    for part in [
        "it answers 200, but its body does not end within ",
        "hint      its body does not end, like an event stream: ",
    ] {
        assert!(error.contains(part), "{error}");
    }
    let head = begins("HTTP/1.1 200 OK;A: ").body_matches("UP");
    let error = error_of(head);
    let expected = "it answers 200, but its head does not end within ";
    assert!(error.contains(expected), "{error}");
    let long = format!("HTTP/1.1 200 OK;A: {}", "z".repeat(70_000));
    let error = error_of(begins(&long).body_matches("UP"));
    let expected = "it answers, but its head is longer than 64 KiB (";
    assert!(error.contains(expected), "{error}");
    // After a wrong status, the attempt does not wait for the end of the body.
    let wrong = "HTTP/1.1 500 No;Content-Length: 9;;UP";
    let error = error_of(begins(wrong).body_matches("UP"));
    assert!(error.contains("it answers 500: \"UP\" ("), "{error}");
}

#[test]
fn a_body_that_can_not_be_compared_is_told() {
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|it| format!("{it:02x}")).collect() };
    for (head, body, told, hint) in [
        (
            "200 OK\r\nContent-Encoding: gzip",
            &b"\x1f\x8b\x08"[..],
            "a compressed body (`gzip`), 3 bytes",
            "does not decompress `gzip`",
        ),
        (
            "200 OK",
            b"\xff\xfeU\0P\0",
            "its body does not match, 6 bytes",
            "its body is UTF-16",
        ),
        (
            "200 OK",
            b"U\xe4P",
            "its body does not match, 3 bytes",
            "its body is not UTF-8",
        ),
        (
            "204 No",
            b"",
            "answers 204 without a body",
            "it answers without a body",
        ),
        (
            "200 OK\r\nContent-Length: 2\r\nContent-Length: 3",
            b"UP",
            "its two `Content-Length` fields differ",
            "",
        ),
        (
            "200 OK\r\nTransfer-Encoding: chunked",
            b"UP\r\n",
            "its body is not chunked, although its head says so",
            "",
        ),
    ] {
        let head = format!("HTTP/1.1 {head}\r\n\r\n");
        let answer = hex(&[head.as_bytes(), body].concat());
        // `47` is the first byte of `GET`.
        let server = server(["picky", "127.0.0.1:{port}", "47", &answer]);
        let error = error_of(server.body_matches("^UP$"));
        assert!(
            error.contains(told) && error.contains(hint),
            "{told}: {error}"
        );
    }
}

#[test]
fn a_method_in_small_letters_is_refused() {
    let error = error_of(responds("").method("get"));
    assert!(
        error.contains("`get` is not an HTTP method: write `GET`"),
        "{error}"
    );
}

#[test]
fn a_wrong_status_has_a_hint_that_fits() {
    for (answer, hint) in [
        ("400 Bad Request", "it may need a `header`"),
        (
            "426 Upgrade Required;Upgrade: h2c",
            "it requires another protocol, `h2c`",
        ),
        ("429 Too Many Requests", "it limits the rate of requests"),
        ("403 Forbidden", "it denies access"),
        ("302 Found", "summon does not follow redirects"),
    ] {
        let error = error_of(responds(&format!("HTTP/1.1 {answer};Content-Length: 0;;")));
        assert!(error.contains(hint), "{error}");
    }
}

#[test]
fn a_wrong_status_is_reported_with_the_first_line_of_its_body() {
    let long = "x".repeat(100);
    let cut = format!(": \"{}\u{2026}\"", "x".repeat(80));
    for (rest, shown) in [
        ("Content-Length: 7;;db down", ": \"db down\""),
        ("Transfer-Encoding: chunked;;7;db down;0;;", ": \"db down\""),
        ("Content-Length: 99;;db down", ": \"db down\""),
        (";; db\u{1b}down ;more", ": \"db\\u{1b}down\""),
        (&format!(";{long}"), &cut),
        (";<!DOCTYPE html>;<html>", ""),
        ("Content-Encoding: gzip;;db down", ""),
        ("Content-Length: 0;;", ""),
    ] {
        let error = error_of(responds(&format!("HTTP/1.1 500 No;{rest}")));
        let expected = format!("it answers 500{shown} (");
        assert!(error.contains(&expected), "{expected}: {error}");
    }
}

#[test]
fn a_server_that_has_answered_gets_no_request_in_another_protocol() {
    let lapses = server(["quiet", "lapse", "127.0.0.1:{port}"]).timeout("5s");
    let error = lapses.start().unwrap_err();
    let output = String::from_utf8_lossy(error.output());
    let is_get = |line: &str| line == "heard 71";
    assert!(output.lines().count() > 1, "{error}");
    assert!(output.lines().all(is_get), "{error}");
}

#[test]
fn a_server_of_another_protocol_is_told() {
    let settings = "000000040000000000";
    let alert = "15030300020228";
    // The server answers either a `GET`, or only requests that begin as its protocol does.
    for (first, answer, hint) in [
        ("47", settings, "it speaks only HTTP/2"),
        ("50", settings, "it speaks only HTTP/2"),
        ("47", alert, "it uses TLS on this port: use `https://..`"),
        ("16", alert, "it uses TLS on this port: use `https://..`"),
    ] {
        let other = server(["picky", "127.0.0.1:{port}", first, answer]);
        let error = error_of(other);
        assert!(error.contains(hint), "{first} {answer}: {error}");
    }
    let error = error_of(responds("-ERR unknown command;"));
    assert!(
        error.contains("it does not speak HTTP on this port: use `tcp`"),
        "{error}"
    );
    let error = error_of(responds(""));
    assert!(error.contains("if this port is not for HTTP"), "{error}");
    let said = "HTTP/1.1 400 Bad Request;Content-Length: 56;;\
                The plain HTTP request was sent to HTTPS port, said nginx";
    let error = error_of(responds(said));
    assert!(error.contains("it uses TLS on this port"), "{error}");
}

#[test]
#[cfg_attr(not(has_nginx_and_openssl), ignore = "nginx or openssl is not on PATH")]
fn a_real_server_of_tls_is_told() {
    // Not RSA: `openssl` may search seconds for such a key.
    let certificate = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
                       -days 2 -subj /CN=nobody -keyout key -out cert";
    let plain = HttpCoordinatedExecutor::new(
        "openssl s_server -accept 127.0.0.1:{port} -key key -cert cert -quiet",
        URL,
    )
    .before(certificate)
    .current_dir("{dir}");
    let error = error_of(plain);
    assert!(
        error.contains("it uses TLS on this port: use `https://..`"),
        "{error}"
    );
}

#[test]
fn a_worker_that_may_not_read_is_told_where_root_could() {
    needs!(root);
    let script = actor([
        "quiet",
        "respond",
        "127.0.0.1:{port}",
        "HTTP/1.1 403 Forbidden;Content-Length: 0;;",
        "child",
        "user 65534",
    ]);
    let error = error_of(HttpCoordinatedExecutor::new(script, URL));
    assert!(error.contains("as another user (uid 65534)"), "{error}");
    assert!(!error.contains("denies access"), "{error}");
}

/// A server may log each request. Its log should show its own work.
#[test]
fn a_server_that_answers_otherwise_is_asked_gently() {
    // A wrong status, other bytes than HTTP, and no byte at all.
    for [word, answer] in [["http", "503"], ["respond", "nonsense;;"], ["respond", ""]] {
        let never = server([word, "127.0.0.1:{port}", answer]).timeout("6s");
        let error = never.start().unwrap_err().to_string();
        let asked = never.output();
        let asked = String::from_utf8_lossy(&asked).matches("GET /").count();
        // About 50 in the first two seconds, and then after a tenth of the wait. Fewer on a busy machine.
        assert!((10..75).contains(&asked), "{answer}: {asked}");
        // A report has room for 20 lines.
        let folds = asked > 20;
        assert!(!folds || error.contains(" lines like this"), "{error}");
        assert_eq!(error.matches("| GET /").count(), 1, "{error}");
    }
}
