//! Which options a process in a container can have.

use summon_syntax::template;

use super::parts::Parts;
use crate::error::Error;
use crate::stdin::Kind;

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
        if let Some((what, hint)) = self.unsupported() {
            let why = format!("{what} does not work with an image");
            return Err(declaration.bad(why).fact("hint", hint));
        }
        Ok(())
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
            ("stdin", !matches!(spec.stdin.0, Kind::Null), "put the text into a file of the image"),
            ("umask", spec.attributes.umask.is_some(), in_image),
            ("nice", spec.attributes.nice.is_some(), "set `engine_args([\"--cpu-shares\", \"..\"])`"),
            ("daemon", spec.daemon, "keep the program in the foreground"),
            ("listen_fd", spec.listen_fd, "let the program listen by itself"),
            ("reuse", spec.reuse, "reuse the port of a container with a plain program"),
            ("before", !spec.before.is_empty(), in_image),
            ("before_once", !spec.before_once.is_empty(), in_image),
            ("after_stop", !spec.after_stop.is_empty(), "run the command in the test"),
            ("stop_command", spec.stop_command.is_some(), "set `stop_signal`"),
            ("signal_only_leader", spec.signal_only_leader, "a container's signals go to its main process"),
            ("nodes", declaration.index.is_some(), "declare the nodes one by one"),
        ];
        if let Some((option, _, hint)) = options.into_iter().find(|(_, is_set, _)| *is_set) {
            return Some((format!("`{option}`"), hint));
        }
        let mut facts = declaration.probes.iter().map(|probe| probe.facts());
        if facts.any(|it| it.is_told_by_socket) {
            return Some((
                "the probe `notify`".to_owned(),
                "wait for a port, or for a line of output",
            ));
        }
        let mut facts = declaration.probes.iter().map(|probe| probe.facts());
        if facts.any(|it| it.is_seen_in_files) {
            let what = "a probe of files and Unix sockets".to_owned();
            return Some((what, "wait for a port, or for a line of output"));
        }
        let texts = declaration.texts();
        let mut parts = texts.iter().flat_map(|text| template::parts(text));
        let part = parts.find(|part| self.names_cluster(*part))?;
        let hint = "name each node, as in `{node-0.host}:{node-0.port}`";
        Some((format!("`{part}`"), hint))
    }
}
