//! With the feature `tls`, HTTP probes speak TLS.

use std::process::Command;

use summon::{HttpCoordinatedExecutor, OutputCoordinatedExecutor, Process, summon};

const ACTOR: &str = env!("CARGO_BIN_EXE_actor");

/// Makes a certificate for nginx that no client can verify.
fn prepare(dir: &std::path::Path) {
    let made = Command::new("openssl")
        .args(
            "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=nobody -keyout key -out cert"
                .split(' '),
        )
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let config = "daemon off; master_process off; pid nginx.pid; error_log stderr;
        events {}
        http {
          access_log /dev/stdout;
          server {
            listen 127.0.0.1:PORT ssl;
            ssl_certificate cert; ssl_certificate_key key;
            location /health { return 204; }
            location / { return 404; }
          }
        }";
    std::fs::write(dir.join("template"), config).unwrap();
}

fn nginx(url: &str) -> HttpCoordinatedExecutor {
    let run = "sed s/PORT/{port}/ template >nginx.conf; exec nginx -p . -e stderr -c nginx.conf";
    let nginx = HttpCoordinatedExecutor::new(run, url)
        .named("nginx")
        .shell(true)
        .current_dir("{dir}");
    prepare(nginx.dir());
    nginx
}

#[test]
#[cfg_attr(not(has_nginx_and_openssl), ignore = "nginx or openssl is not on PATH")]
fn nginx_is_ready_over_tls() {
    let nginx = nginx("https://localhost:{port}/health?deep=1");
    nginx.start().unwrap();
    nginx
        .wait_for_output(r#""GET /health\?deep=1 HTTP/1.1" 204"#, "20s")
        .unwrap();
}

#[test]
#[cfg_attr(not(has_nginx_and_openssl), ignore = "nginx or openssl is not on PATH")]
fn a_wrong_status_is_told_over_tls_too() {
    let nginx = nginx("https://127.0.0.1:{port}/").timeout("2s");
    let error = nginx.start().unwrap_err();
    assert!(
        error
            .to_string()
            .contains("to answer 200 to 299: it answers 404"),
        "{error}"
    );
}

#[summon(http = [ACTOR, "http", "127.0.0.1:{port}", "200"], path = "/")]
#[test]
fn http_without_tls_works_as_before(server: &Process) {
    server.wait_for_output("^GET / HTTP/1.1$", "20s").unwrap();
}

#[test]
fn a_server_that_does_not_speak_tls_is_not_ready() {
    for word in ["listen", "mute", "drip"] {
        let url = "https://127.0.0.1:{port}/";
        let script = [ACTOR, word, "127.0.0.1:{port}"];
        let error = HttpCoordinatedExecutor::new(script, url)
            .timeout("400ms")
            .start()
            .unwrap_err();
        assert!(error.is_timeout(), "{error}");
    }
    let script = [ACTOR, "http", "127.0.0.1:{port:http}", "200", "say", "up"];
    let server = OutputCoordinatedExecutor::new(script, "up")
        .and(summon::probe::http("https://127.0.0.1:{port:http}/"))
        .timeout("400ms");
    assert!(server.start().unwrap_err().is_timeout());
}
