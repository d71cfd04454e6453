//! The line that GitHub's runner shows at the code of a failed test.
//!
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::{escaped, is_on_github};
use crate::sys::runner;

/// A place in the code, as rustc names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceLine {
    pub(crate) file: String,
    pub(crate) line: u32,
}

impl From<&std::panic::Location<'_>> for SourceLine {
    fn from(location: &std::panic::Location<'_>) -> SourceLine {
        SourceLine {
            file: location.file().to_owned(),
            line: location.line(),
        }
    }
}

/// Prints the line, if GitHub's runner runs this test. The first of the places that is a file of the
/// repository counts.
pub(crate) fn print(test: &str, message: &str, places: impl IntoIterator<Item = SourceLine>) {
    if !is_on_github() {
        return;
    }
    let root = std::env::var_os("GITHUB_WORKSPACE").map(PathBuf::from);
    let place = places.into_iter().find_map(|place| {
        let file = in_repository(&place.file, root.as_deref())?;
        Some((file, place.line))
    });
    // One write past the harness: libtest captures `eprintln`, and the runner reads whole lines.
    let _ = io::stderr().write_all(command(test, message, place).as_bytes());
}

/// Returns the path below the root of the repository. rustc's paths begin at the root of the
/// workspace, and a workspace may be a directory of the repository.
fn in_repository(file: &str, root: Option<&Path>) -> Option<String> {
    let root = root?.canonicalize().ok()?;
    let here = std::env::current_dir().ok();
    let runner = runner::current().and_then(|runner| runner.dir.clone());
    let starts = [runner, here].into_iter().flatten();
    let ancestors: Vec<PathBuf> = starts
        .flat_map(|start| start.ancestors().map(Path::to_owned).collect::<Vec<_>>())
        .collect();
    let found = ancestors.iter().map(|ancestor| ancestor.join(file));
    let found = found.filter_map(|path| path.canonicalize().ok());
    let mut below = found.filter_map(|path| Some(path.strip_prefix(&root).ok()?.to_owned()));
    below.next().map(|path| path.to_string_lossy().into_owned())
}

/// Returns the command on a line of its own: nextest shows the first line of a test's output with a
/// colour, which hides a command.
fn command(test: &str, message: &str, place: Option<(String, u32)>) -> String {
    let place = place.map_or(String::new(), |(file, line)| {
        format!("file={},line={line},", property(&file))
    });
    format!(
        "\n::error {place}title={}::{}\n",
        property(&format!("{test} failed")),
        data(message)
    )
}

/// Escapes the message of a command.
fn data(text: &str) -> String {
    let text = escaped(text);
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Escapes a value between commas.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_escaped_as_github_reads_it() {
        let place = Some(("tests/a,b.rs".to_owned(), 12));
        assert_eq!(
            command("cache::answers", "50 % of 2: a\nb\x1b[1m", place),
            "\n::error file=tests/a%2Cb.rs,line=12,title=cache%3A%3Aanswers failed\
             ::50 %25 of 2: a%0Ab\\u{1b}[1m\n"
        );
        assert_eq!(command("t", "no", None), "\n::error title=t failed::no\n");
    }
}
