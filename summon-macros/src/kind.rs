//! The kinds of an attribute. A kind is the key that holds the command, and decides when the process is
//! ready.

use summon_syntax::words;
use syn::Ident;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Simple,
    Output,
    Tcp,
    Udp,
    Unix,
    Http,
    File,
    Notify,
    Exec,
    Executor,
    Fixture,
    Database,
    Link,
}

/// A kind with its name, an example as a user would type it, and the keys that belong to it and are no
/// calls of the builder. A description of the first of these keys means that the kind needs it.
type Row = (
    Kind,
    &'static str,
    &'static str,
    &'static [&'static str],
    Option<&'static str>,
);

#[rustfmt::skip]
const KINDS: [Row; 13] = [
    (Kind::Simple, "simple", r#"simple = "my-daemon""#, &[], None),
    (Kind::Output, "output", r#"output = "my-worker", banner = "^ready""#,
        &["banner"], Some("a regular expression for the line that shows readiness")),
    (Kind::Tcp, "tcp", r#"tcp = "redis-server --port {port}""#, &["host", "port"], None),
    (Kind::Udp, "udp", r#"udp = "dnsmasq -k -p {port}""#, &["host", "port"], None),
    (Kind::Unix, "unix", r#"unix = "my-server --socket {dir}/s", socket = "{dir}/s""#,
        &["socket"], Some("the path of the socket, such as \"{dir}/socket\"")),
    (Kind::Http, "http", r#"http = "my-api --port {port}", path = "/health""#,
        &["host", "port", "path", "url"], None),
    (Kind::File, "file", r#"file = "my-server", path = "{dir}/pid""#,
        &["path"], Some("a file that the program creates when ready, such as \"{dir}/server.pid\"")),
    (Kind::Notify, "notify", r#"notify = "my-server""#, &[], None),
    (Kind::Exec, "exec", r#"exec = "postgres -p {port}", probe = "pg_isready -p {port}""#,
        &["probe"], Some("a command that exits with code 0 when the program is ready")),
    (Kind::Executor, "executor", "executor = MyServer::new()", &[], None),
    (Kind::Fixture, "fixture", "fixture = REDIS", &[], None),
    (Kind::Database, "database", "database = PG", &[], None),
    (Kind::Link, "link", "link = PG", &[], None),
];

impl Kind {
    pub(crate) fn of(key: &Ident) -> Option<Kind> {
        let found = KINDS.iter().find(|row| key == row.1);
        found.map(|row| row.0)
    }

    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        KINDS.iter().map(|row| row.1)
    }

    /// The names of all kinds, for an error.
    pub(crate) fn list() -> String {
        words::list_names(Kind::names())
    }

    /// The names of the kinds that a key belongs to.
    pub(crate) fn with_part(key: &Ident) -> Vec<&'static str> {
        let rows = KINDS.iter().filter(|row| row.0.has_part(key));
        rows.map(|row| row.1).collect()
    }

    fn row(self) -> &'static Row {
        let found = KINDS.iter().find(|row| row.0 == self);
        found.expect("each kind has its row")
    }

    pub(crate) fn name(self) -> &'static str {
        self.row().1
    }

    pub(crate) fn example(self) -> &'static str {
        self.row().2
    }

    pub(crate) fn parts(self) -> &'static [&'static str] {
        self.row().3
    }

    pub(crate) fn has_part(self, key: &Ident) -> bool {
        self.parts().iter().any(|part| key == part)
    }

    /// The part that the kind needs, with a description.
    pub(crate) fn required(self) -> Option<(&'static str, &'static str)> {
        Some((self.parts().first()?, self.row().4?))
    }

    /// Whether the value is a command, and the other keys are the builder's options.
    pub(crate) fn is_command(self) -> bool {
        self != Kind::Executor && !self.is_of_fixture()
    }

    /// Whether the value is a fixture.
    pub(crate) fn is_of_fixture(self) -> bool {
        matches!(self, Kind::Fixture | Kind::Database | Kind::Link)
    }

    /// The error of a kind without a value.
    pub(crate) fn needs_value(self) -> String {
        let what = match self {
            Kind::Executor => "executor",
            kind if kind.is_of_fixture() => "fixture",
            _ => "command",
        };
        let (name, example) = (self.name(), self.example());
        format!("`{name}` has no {what}; write, for example, `{example}`")
    }
}
