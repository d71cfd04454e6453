//! The options of a process that runs in a container.

use std::ffi::OsString;

use super::{Network, Pull};

/// The image of a process, and how the engine runs it.
#[derive(Clone, Debug, Default, Hash)]
pub(crate) struct Options {
    /// The image. The process runs outside of containers if `None`.
    pub(crate) image: Option<String>,
    /// The words that replace the image's own entry point, with placeholders.
    pub(crate) entrypoint: Option<OsString>,
    /// Directories and files from outside, each with its place in the container.
    pub(crate) mounts: Vec<(OsString, OsString)>,
    pub(crate) init: bool,
    pub(crate) platform: Option<String>,
    pub(crate) pull: Pull,
    /// A hint, if the process is a ready-made server that does not run as an image.
    pub(crate) unfit: Option<&'static str>,
    /// Further arguments of the engine.
    pub(crate) engine_args: Vec<OsString>,
}

impl Options {
    /// Returns the name of an option that is set, and that has no meaning without an image.
    pub(crate) fn without_image(&self) -> Option<&'static str> {
        let Options {
            image,
            entrypoint,
            mounts,
            init,
            platform,
            pull,
            unfit: _,
            engine_args,
        } = self;
        let set = [
            ("entrypoint", entrypoint.is_some()),
            ("mount", !mounts.is_empty()),
            ("init", *init),
            ("platform", platform.is_some()),
            ("pull", *pull != Pull::default()),
            ("engine_args", !engine_args.is_empty()),
        ];
        let found = set.into_iter().find(|(_, is_set)| *is_set);
        found.filter(|_| image.is_none()).map(|(name, _)| name)
    }

    /// Returns the network of the container. It has no placeholders.
    pub(crate) fn network(&self) -> Network {
        Network::of(&self.engine_args)
    }

    /// Returns the last part of the image's name, without its tag and its digest:
    /// `docker.io/library/redis:7` is `redis`.
    pub(crate) fn stem(&self) -> Option<&str> {
        let image = self.image.as_deref()?;
        let image = image.split('@').next()?;
        let last = image.rsplit('/').next()?;
        last.split(':').next().filter(|stem| !stem.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_the_name_of_its_repository() {
        let stem = |image: &str| {
            let options = Options {
                image: Some(image.to_owned()),
                ..Options::default()
            };
            options.stem().map(str::to_owned)
        };
        assert_eq!(stem("redis").as_deref(), Some("redis"));
        assert_eq!(stem("redis:7.2").as_deref(), Some("redis"));
        let full = "localhost:5000/team/my-db:7@sha256:00ff";
        assert_eq!(stem(full).as_deref(), Some("my-db"));
        assert_eq!(stem(""), None);
    }
}
