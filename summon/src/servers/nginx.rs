//! nginx.

use super::{Ready, found, marker, served};
use crate::executor::Coordinated;
use crate::process::Spec;

/// The configuration around the user's part. The paths of temporary files have defaults in directories of the
/// system, and `master_process off` keeps the user: workers of root would become `nobody`, which
/// can't read a private directory.
const CONFIG: [&str; 2] = [
    "daemon off;
master_process off;
error_log stderr;
pid nginx.pid;
events {}
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {
        listen {host}:{port};
        root www;
",
    "
    }
}
",
];

/// An nginx with one `server`.
///
/// ```no_run
/// use summon::servers::Nginx;
///
/// let web = Nginx::new("location / { return 200 hello; }");
/// web.start()?;
/// assert!(web.url("/").starts_with("http://127.0.0.1:"));
/// # Ok::<(), summon::Error>(())
/// ```
///
/// The methods below set options of this server. [`Coordinated`] has the options of every executor.
/// [`Process`](crate::Process) has the verbs, such as `start`, `restart`, `stopped`, and `paused`.
pub type Nginx = Coordinated<Ready<marker::Nginx>>;

impl Nginx {
    /// Runs the server on a free port. `directives` is the contents of the `server` block, and may have
    /// placeholders. Relative paths begin in the private directory. Files in `www` are served unless the
    /// directives set another `root`.
    ///
    /// ```
    /// use summon::{Process, servers::Nginx, summon};
    ///
    /// #[summon(tcp = "api --listen {port}")]
    /// #[summon(
    ///     executor = Nginx::new("location /api/ { proxy_pass http://127.0.0.1:{api.port}/; }"),
    ///     with_file("www/index.html", "Hello, Lisa.")
    /// )]
    /// #[test]
    /// fn routes(api: &Process, web: &Nginx) {
    ///     println!("{} leads to {}", web.url("/api/"), api.url("/"));
    /// }
    /// # fn main() {}
    /// ```
    #[track_caller]
    pub fn new(directives: impl AsRef<str>) -> Nginx {
        let server = found(&["nginx"]);
        let config = CONFIG.join(directives.as_ref());
        // `-e` covers the time before the server has read its configuration.
        served([server.as_str(), "-e", "stderr"], "http://")
            .args(["-p", "{dir}", "-c", "nginx.conf"])
            .with_file("nginx.conf", config)
            .in_image(in_image)
    }
}

/// The entry point of the image runs the words.
fn in_image(spec: &mut Spec, _: Option<&str>) -> Result<(), &'static str> {
    spec.command = ["nginx", "-e", "stderr", "-p", "{dir}", "-c", "nginx.conf"].into();
    Ok(())
}
