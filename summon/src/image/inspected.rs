//! An engine's answer about an image.

/// The template for [`Inspected::read`].
///
/// The configuration is asked for as a whole: Docker refuses a template with a field that the image does
/// not set.
pub(super) const QUESTION: &str =
    "{{.Id}}|{{.Os}}/{{.Architecture}}|{{json .RepoDigests}}|{{json .Config}}";

/// An engine's answer about an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inspected {
    pub(crate) id: String,
    /// The image's name and digest in a registry.
    pub(crate) digest: Option<String>,
    /// The operating system and the processor: `linux/amd64`.
    pub(crate) platform: String,
    pub(crate) stop_signal: Option<String>,
    pub(crate) user: Option<String>,
}

impl Inspected {
    /// Reads an answer to [`QUESTION`].
    pub(super) fn read(answer: &str) -> Option<Inspected> {
        let mut parts = answer.trim().splitn(4, '|');
        let mut part = || parts.next();
        let (id, platform, digests, config) = (part()?, part()?, part()?, part()?);
        // No value of these has a quote or a backslash.
        let field = |name: &str| {
            let (_, value) = config.split_once(&format!("\"{name}\":\""))?;
            let (value, _) = value.split_once('"')?;
            Some(value.to_owned()).filter(|value| !value.is_empty())
        };
        Some(Inspected {
            id: id.to_owned(),
            digest: digests.split('"').nth(1).map(str::to_owned),
            platform: platform.to_owned(),
            stop_signal: field("StopSignal"),
            user: field("User"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_an_engine_is_read() {
        let found = Inspected::read(
            "sha256:1|linux/amd64|[\"a@sha256:2\",\"b@sha256:3\"]|{\"Cmd\":[\"a|b\"],\"StopSignal\":\"SIGINT\"}\n",
        );
        let wanted = Inspected {
            id: "sha256:1".into(),
            digest: Some("a@sha256:2".into()),
            platform: "linux/amd64".into(),
            stop_signal: Some("SIGINT".into()),
            user: None,
        };
        assert_eq!(found, Some(wanted));
        let found = Inspected::read("1|linux/arm64|[]|{\"User\":\"999:999\"}").unwrap();
        assert_eq!(
            (found.digest, found.user.as_deref()),
            (None, Some("999:999"))
        );
        assert_eq!(Inspected::read("1|linux"), None);
    }
}
