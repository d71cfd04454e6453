//! The state of a container that has ended, as the engine tells it.

use crate::guard::State;

/// The template of the engine for the state of a container, in the order of [`shown_state`].
pub(super) const STATE: &str =
    "{{.State.Status}}|{{.State.ExitCode}}|{{.State.OOMKilled}}|{{.State.Error}}";

/// Describes the container of a service that has ended.
pub(super) fn shown(state: &State) -> Option<String> {
    shown_state(&state.told.inspected.as_ref()?.output)
}

/// Describes the state of a container in the engine's words.
fn shown_state(inspected: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(inspected);
    let mut parts = text.trim().splitn(4, '|');
    let (status, code, killed, error) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let code = match status {
        "exited" | "stopped" => format!(" with code {code}"),
        _ => String::new(),
    };
    let killed = match killed {
        "true" => ", killed since it was out of memory",
        _ => "",
    };
    let error = match error.trim() {
        "" => String::new(),
        error => format!(": {error}"),
    };
    Some(format!("{status}{code}{killed}{error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_a_container_is_told_in_words() {
        let shown = |text: &str| shown_state(text.as_bytes());
        assert_eq!(
            shown("exited|3|false|\n").as_deref(),
            Some("exited with code 3")
        );
        assert_eq!(
            shown("exited|137|true|\n").as_deref(),
            Some("exited with code 137, killed since it was out of memory")
        );
        let error = "created|128|false|driver failed: port is already allocated | x\n";
        assert_eq!(
            shown(error).as_deref(),
            Some("created: driver failed: port is already allocated | x")
        );
        assert_eq!(shown("Error: No such container: x\n"), None);
    }
}
