//! Which options a process in a container can have.

use std::ffi::OsString;
use std::path::Path;

use summon_syntax::template;

use super::parts::Parts;
use crate::error::Error;
use crate::image::Network;

impl Parts {
    /// Returns an error for an option that has no meaning with an image, or without one.
    pub(super) fn check_image(&self) -> Result<(), Error> {
        let (declaration, spec) = (&self.declaration, &self.declaration.spec);
        if let Some(option) = spec.container.without_image() {
            let why = format!("`{option}` needs an `image`, and it runs a program of this machine");
            let hint = format!("add `image`, or remove `{option}`");
            return Err(declaration.bad(why).fact("hint", hint));
        }
        if !declaration.has_image() {
            return Ok(());
        }
        if let Some(hint) = spec.container.unfit {
            let why = "this ready-made server does not run as an image like that";
            return Err(declaration.bad(why).fact("hint", hint));
        }
        self.check_engine_args()?;
        let entrypoint = spec.container.entrypoint.as_ref();
        let entrypoint = entrypoint.map(|it| it.to_string_lossy());
        // A path may have a space.
        let is_line = |it: &str| it.contains(' ') && !it.starts_with('/');
        if let Some(line) = entrypoint.filter(|it| is_line(it)) {
            let why = format!("its `entrypoint` is one program, and `{line}` has a space");
            let hint = "write the arguments as the text of the kind";
            return Err(declaration.bad(why).fact("hint", hint));
        }
        if let Some((what, hint)) = self.unsupported() {
            let why = format!("{what} does not work with an image");
            return Err(declaration.bad(why).fact("hint", hint));
        }
        Ok(())
    }

    /// Returns an error if the engine leads no port to the network of the container, and a probe needs one.
    pub(super) fn check_network(&self) -> Result<(), Error> {
        let declaration = &self.declaration;
        if !declaration.has_image() || declaration.endpoints().next().is_none() {
            return Ok(());
        }
        let (network, why) = match declaration.spec.container.network() {
            Network::Own(_) => return Ok(()),
            Network::Host => match self.engine()? {
                Some(engine) if !engine.shares_network() => {
                    let why = format!("the network of {engine} is not that of this machine");
                    ("host".to_owned(), why)
                }
                _ => return Ok(()),
            },
            Network::Closed(name) => (name, "an engine leads no port there".to_owned()),
        };
        let why = format!("its port can't be reached with `--network {network}`: {why}");
        let hint = "remove `--network`, name a network of the engine, or wait for a line with `output`, or for \
            a socket in `{dir}` with `unix`";
        Err(declaration.bad(why).fact("hint", hint))
    }

    /// Returns an error for a word that the engine would change: it takes only UTF-8.
    pub(super) fn check_text(&self, words: &[OsString]) -> Result<(), Error> {
        match words.iter().find(|word| word.to_str().is_none()) {
            None => Ok(()),
            Some(word) => {
                let why = format!(
                    "`{}` is not UTF-8, and an engine takes nothing else",
                    word.to_string_lossy()
                );
                let hint = "pass other bytes in a file, by `with_file` or `mount`; for a path below `{dir}`, set \
                    `TMPDIR` to a directory whose name is UTF-8";
                Err(self.declaration.bad(why).fact("hint", hint))
            }
        }
    }

    /// Returns whether a path of this machine leads to the same file as in the container.
    fn is_shared(&self, path: &str) -> bool {
        let mounts = &self.declaration.spec.container.mounts;
        let mut mounts = mounts.iter().filter_map(|(outside, _)| outside.to_str());
        let is_below = |dir: &str| Path::new(path).starts_with(dir);
        is_below("{dir}") || mounts.any(is_below)
    }

    /// Returns what does not work in a container, and what to do instead.
    fn unsupported(&self) -> Option<(String, &'static str)> {
        let (declaration, spec) = (&self.declaration, &self.declaration.spec);
        let is_removed = spec.env.iter().any(|(_, value)| value.is_none());
        let in_image = "do it in the image";
        #[rustfmt::skip]
        let options = [
            ("shell", spec.shell,
                "write the shell as the `entrypoint`, and its arguments as the text of the kind"),
            ("env_remove", is_removed,
                "a container has only the variables of its image, and those of `env`"),
            ("daemon", spec.daemon, "keep the program in the foreground"),
            ("listen_fd", spec.listen_fd, "let the program listen by itself"),
            ("reuse", spec.reuse, "reuse the port of a container with a plain program"),
            ("before_once", !spec.before_once.is_empty(), in_image),
            ("after_stop", !spec.after_stop.is_empty(), "run the command in the test"),
            ("stop_command", spec.stop_command.is_some(), "set `stop_signal`"),
            ("signal_only_leader", spec.signal_only_leader, "a container's signals go to its main process"),
            ("nodes", declaration.index.is_some(), "declare the nodes one by one"),
        ];
        if let Some((option, _, hint)) = options.into_iter().find(|(_, is_set, _)| *is_set) {
            return Some((format!("`{option}`"), hint));
        }
        // All of them, so that no new one is ignored.
        let attributes = spec.attributes.to_string();
        if !attributes.is_empty() {
            return Some((attributes, "do it in the image, or set `engine_args`"));
        }
        let facts = declaration.probes.iter().map(|probe| probe.facts());
        let mut paths = facts
            .filter(|it| it.is_seen_in_files)
            .flat_map(|it| it.texts);
        if let Some(path) = paths.find(|path| !self.is_shared(path)) {
            let what = format!("the path `{path}` of a probe");
            return Some((
                what,
                "the container does not share it with this machine; write a path below `{dir}`, or \
                 `mount` a directory of this machine that has it",
            ));
        }
        let texts = declaration.texts();
        let mut parts = texts.iter().flat_map(|text| template::parts(text));
        let part = parts.find(|part| self.names_cluster(*part))?;
        let hint = "name each node, as in `{node-0.host}:{node-0.port}`";
        Some((format!("`{part}`"), hint))
    }
}
