//! Which arguments of the engine's `create` only summon may give, and the check of mounts.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::parts::Parts;
use crate::error::Error;

/// Arguments with which summon would lose the container, or misjudge it, each with what to do instead.
const OWN: [(&str, &str); 18] = [
    (
        "--name",
        "summon names the container, and removes it by that name",
    ),
    (
        "--rm",
        "summon removes the container, after it has looked at its state",
    ),
    ("--pull", "set `pull`"),
    ("--platform", "set `platform`"),
    ("--entrypoint", "set `entrypoint`"),
    ("--stop-signal", "set `stop_signal`"),
    ("--stop-timeout", "set `stop_timeout`"),
    (
        "--log-driver",
        "summon reads the output from the engine's client",
    ),
    (
        "--cidfile",
        "a second start would find the file of the first one; `exec` runs commands in the container",
    ),
    (
        "--restart",
        "the engine would start a container that has crashed; call `restart`",
    ),
    ("--detach", ATTACHED),
    ("--attach", ATTACHED),
    ("--interactive", "set `stdin`"),
    (
        "--tty",
        "its output would be that of a terminal; summon reads lines",
    ),
    (
        "--pid",
        "summon finds the program as the first process of its pid namespace",
    ),
    ("--cgroups", "summon finds the program by its control group"),
    (
        "--pod",
        "the pod would outlive the container; start each container as a process of the set",
    ),
    (
        "--label-file",
        "write each label as `--label`, so that none replaces one of summon",
    ),
];
const ATTACHED: &str = "summon attaches to the container, and waits until it is ready";
/// Short names, which can stand together: `-it`.
const SHORT: [(char, &str); 3] = [('d', "--detach"), ('i', "--interactive"), ('t', "--tty")];
const LABEL: &str =
    "labels that begin with `summon` tell a later run whose container it is; choose another name";

/// Returns the first argument that only summon may give, and a hint.
fn own_argument(args: &[OsString]) -> Option<(String, &'static str)> {
    let args: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let (name, value) = match arg.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (&**arg, None),
        };
        let label = match name {
            "-l" | "--label" => value.or_else(|| rest.clone().next().map(|it| &**it)),
            _ => arg.strip_prefix("-l").filter(|_| !arg.starts_with("--")),
        };
        let label = label.and_then(|it| it.split(['=', '.']).next());
        if label == Some("summon") {
            return Some((name.to_owned(), LABEL));
        }
        let hint = |long: &str| {
            OWN.iter()
                .find(|(own, _)| *own == long)
                .map(|(_, hint)| *hint)
        };
        if let Some(hint) = hint(name) {
            return Some((name.to_owned(), hint));
        }
        let short = arg.strip_prefix('-').filter(|it| !it.is_empty());
        let long = |it: char| SHORT.iter().find(|(short, _)| *short == it);
        // `-h` and others take the rest as their value.
        if short.is_some_and(|it| it.chars().all(|it| long(it).is_some())) {
            let first = short.and_then(|it| it.chars().next()).and_then(long);
            return first.and_then(|(_, long)| Some((arg.to_string(), hint(long)?)));
        }
    }
    None
}

impl Parts {
    /// Returns an error for an argument of the engine that only summon may give.
    pub(super) fn check_engine_args(&self) -> Result<(), Error> {
        match own_argument(&self.declaration.spec.container.engine_args) {
            None => Ok(()),
            Some((arg, hint)) => {
                let why = format!("`engine_args` may not have `{arg}`");
                Err(self.declaration.bad(why).fact("hint", hint))
            }
        }
    }

    /// Returns the value of the engine's option for a mount.
    pub(super) fn mount(&self, outside: &OsStr, inside: &OsStr) -> Result<OsString, Error> {
        let (outside, inside) = (self.fill_os(outside)?, self.fill_os(inside)?);
        let shown = Path::new(&*outside).display();
        let (why, hint) = if !Path::new(&*outside).is_absolute() {
            // An engine would take the name for that of a volume, and keep the volume.
            (
                format!("the path `{shown}` of a `mount` is not absolute"),
                "write a path of your package as `concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/..\")`",
            )
        } else if outside.as_encoded_bytes().contains(&b':') {
            (
                format!(
                    "the path `{shown}` of a `mount` has a `:`, which ends a path for an engine"
                ),
                "mount a directory above it, or rename it",
            )
        } else if !Path::new(&*outside).exists() {
            // Docker would make a directory there, which belongs to root.
            (
                format!("the path `{shown}` of a `mount` does not exist"),
                "make it before the start, or with `with_dir` or `with_file` if it is below `{dir}`",
            )
        } else if inside.as_encoded_bytes().first() != Some(&b'/') {
            let inside = Path::new(&*inside).display();
            (
                format!("the path `{inside}` of a `mount` in the container is not absolute"),
                "write the whole path in the container",
            )
        } else {
            return Ok([&*outside, OsStr::new(":"), &*inside].into_iter().collect());
        };
        Err(self.declaration.bad(why).fact("hint", hint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_that_would_lose_the_container_are_known() {
        let own = |args: &[&str]| {
            let args: Vec<OsString> = args.iter().map(OsString::from).collect();
            own_argument(&args).map(|(own, _)| own)
        };
        for (args, found) in [
            (&["--name"][..], "--name"),
            (&["--name=db"], "--name"),
            (&["--init", "--rm"], "--rm"),
            (&["-d"], "-d"),
            (&["-it"], "-it"),
            (&["--restart=always"], "--restart"),
            (&["--label", "summon=x"], "--label"),
            (&["--label=summon.boot=x"], "--label"),
            (&["-l", "summon.owner"], "-l"),
            (&["-lsummon=x"], "-lsummon"),
        ] {
            assert_eq!(own(args).as_deref(), Some(found), "{args:?}");
        }
        for fine in [
            &["--network"][..],
            &["--names"],
            &["a--name"],
            &["--hostname=--name"],
            &[""],
            &["-"],
            &["-h", "db"],
            &["-e", "A=1"],
            &["-p", "127.0.0.1:1:80"],
            &["--label", "team=summon"],
            &["-l", "summons=x"],
            &["-ldb"],
            &["--userns", "host"],
        ] {
            assert_eq!(own(fine), None, "{fine:?}");
        }
    }
}
