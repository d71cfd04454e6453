//! The kinds: what the first key of an attribute may be, and the keys that are part of each.

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
}

const KINDS: &[(&str, Kind)] = &[
    ("simple", Kind::Simple),
    ("output", Kind::Output),
    ("tcp", Kind::Tcp),
    ("udp", Kind::Udp),
    ("unix", Kind::Unix),
    ("http", Kind::Http),
    ("file", Kind::File),
    ("notify", Kind::Notify),
    ("exec", Kind::Exec),
    ("executor", Kind::Executor),
    ("fixture", Kind::Fixture),
];

impl Kind {
    pub(crate) fn of(key: &Ident) -> Option<Kind> {
        let found = KINDS.iter().find(|(name, _)| key == name);
        found.map(|(_, kind)| *kind)
    }

    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        KINDS.iter().map(|(name, _)| *name)
    }

    pub(crate) fn name(self) -> &'static str {
        let found = KINDS.iter().find(|(_, kind)| *kind == self);
        found.map_or("", |(name, _)| name)
    }

    /// Those that a key is part of.
    pub(crate) fn with(key: &Ident) -> Vec<Kind> {
        let kinds = KINDS.iter().map(|(_, kind)| *kind);
        let is_part = |kind: &Kind| kind.keys().iter().any(|part| key == part);
        kinds.filter(is_part).collect()
    }

    /// Whether it is a command that the attribute holds, with the builder's options.
    pub(crate) fn is_command(self) -> bool {
        !matches!(self, Kind::Executor | Kind::Fixture)
    }

    /// As one would type it.
    pub(crate) fn example(self) -> &'static str {
        match self {
            Kind::Simple => r#"simple = "my-daemon""#,
            Kind::Output => r#"output = "my-worker", banner = "^ready""#,
            Kind::Tcp => r#"tcp = "redis-server --port {port}""#,
            Kind::Udp => r#"udp = "dnsmasq -k -p {port}""#,
            Kind::Unix => r#"unix = "my-server --socket {dir}/s", socket = "{dir}/s""#,
            Kind::Http => r#"http = "my-api --port {port}", path = "/health""#,
            Kind::File => r#"file = "my-server", path = "{dir}/pid""#,
            Kind::Notify => r#"notify = "my-server""#,
            Kind::Exec => r#"exec = "postgres -p {port}", probe = "pg_isready -p {port}""#,
            Kind::Executor => "executor = MyServer::new()",
            Kind::Fixture => "fixture = REDIS",
        }
    }

    pub(crate) fn needs_value(self) -> String {
        let what = match self {
            Kind::Executor => "the executor",
            Kind::Fixture => "the fixture",
            _ => "the command",
        };
        format!("{what} is missing, as in `{}`", self.example())
    }

    /// The key that the kind can't do without, and what it is.
    pub(crate) fn required(self) -> Option<(&'static str, &'static str)> {
        match self {
            Kind::Output => Some((
                "banner",
                "a regular expression for the line that means ready",
            )),
            Kind::Unix => Some(("socket", "the path of the socket, such as \"{dir}/socket\"")),
            Kind::File => Some((
                "path",
                "the file that means ready, such as \"{dir}/server.pid\"",
            )),
            Kind::Exec => Some((
                "probe",
                "the command that exits with code 0 when it is ready",
            )),
            _ => None,
        }
    }

    /// The keys that are part of the kind and no calls of the builder.
    pub(crate) fn keys(self) -> &'static [&'static str] {
        match self {
            Kind::Simple | Kind::Notify | Kind::Executor | Kind::Fixture => &[],
            Kind::Output => &["banner"],
            Kind::Tcp | Kind::Udp => &["host", "port"],
            Kind::Unix => &["socket"],
            Kind::Http => &["host", "port", "path", "url"],
            Kind::File => &["path"],
            Kind::Exec => &["probe"],
        }
    }
}
