//! nginx, with the crate `ureq`.
//!
//! `servers::Nginx` runs one `server` with your directives. The second test has a configuration of its own:
//! a file in the private directory, and `-p` makes all paths relative to that
//! directory. `daemon off` keeps nginx in the foreground. With `master_process off`, it is one
//! process and keeps its user. Otherwise root's workers would become `nobody`, which can't read a
//! private directory. nginx ends at once on SIGTERM. On SIGQUIT, it first serves all open requests.

use summon::{Process, servers::Nginx, summon};

const CONFIG: &str = r#"
daemon off;
master_process off;
error_log stderr;
pid nginx.pid;
events {}
http {
    access_log off;
    # Its defaults are directories of the system.
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {
        listen 127.0.0.1:{port};
        location / { root www; }
        location /api/ { proxy_pass http://127.0.0.1:{port:api}/; }
    }
}
"#;

#[summon(
    executor = Nginx::new("location /old { return 301 /index.html; }"),
    with_file("www/index.html", "Hello, Lisa.\n")
)]
#[test]
#[cfg_attr(not(has_nginx), ignore = "nginx is not installed")]
fn serves_a_file(nginx: &Nginx) -> Result<(), ureq::Error> {
    let page = ureq::get(nginx.url("/old")).call()?;
    assert_eq!(page.into_body().read_to_string()?, "Hello, Lisa.\n");
    Ok(())
}

/// Broken on purpose: no server runs behind the proxy.
#[summon(
    http = "nginx -e stderr -p {dir} -c nginx.conf",
    status = 404,
    with_file("nginx.conf", CONFIG)
)]
#[test]
#[cfg_attr(not(has_nginx), ignore = "nginx is not on PATH")]
fn says_that_its_upstream_is_away(nginx: &Process) {
    let error = ureq::get(nginx.url("/api/")).call().unwrap_err();
    assert!(matches!(error, ureq::Error::StatusCode(502)), "{error}");
    nginx
        .wait_for_output("Connection refused.*upstream", "5s")
        .unwrap();
}
