//! Commands as users write them.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use summon_syntax::shell::{self, Before};

/// A program and its arguments.
///
/// summon splits a text into words as a POSIX shell does (quotes, backslashes), but runs no shell:
/// variables, globs, and pipes stay plain text. A word that only a shell understands, such as `&&` or
/// `> file`, makes the start fail, unless it is quoted. summon does not split a list of words.
///
/// ```
/// use summon::Command;
///
/// let text = Command::from("redis-server --port {port} --save ''");
/// let words = Command::from(["redis-server", "--port", "{port}", "--save", ""]);
/// assert_eq!(text.to_string(), "redis-server --port {port} --save ''");
/// # let _ = words;
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Command {
    /// A program of the user's package. `form` then holds only its arguments.
    program: Option<OsString>,
    form: Form,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Form {
    Line(String),
    Words(Vec<OsString>),
}

const EMPTY: &str = "the command is empty; begin it with the name or the path of a program";

impl Command {
    fn new(form: Form) -> Command {
        Command {
            program: None,
            form,
        }
    }

    /// Returns the command that runs `program` with this command's words as arguments.
    pub(crate) fn run_by(self, program: &Path) -> Command {
        // The path is not a text with placeholders, so a brace in a directory's name stays a brace.
        let program = match program.to_str() {
            Some(text) => text.replace('{', "{{").into(),
            None => program.into(),
        };
        Command {
            program: Some(program),
            ..self
        }
    }

    /// Returns whether the program is one of the user's package.
    pub(crate) fn is_own(&self) -> bool {
        self.program.is_some()
    }

    /// Appends words to a list of words. Leaves a text unchanged.
    pub(crate) fn add(&mut self, more: impl IntoIterator<Item = OsString>) {
        if let Form::Words(words) = &mut self.form {
            words.extend(more);
        }
    }

    /// Replaces the program of a list of words. Leaves a text unchanged.
    pub(crate) fn set_program(&mut self, program: impl Into<OsString>) {
        if let Form::Words(words) = &mut self.form {
            words[0] = program.into();
        }
    }

    /// Returns the words. The error explains why the text is not a command.
    pub(crate) fn words(&self) -> Result<Vec<OsString>, String> {
        let words = self.split()?;
        let before = match self.program {
            Some(_) => Before::Program,
            None => Before::Nothing,
        };
        match self.text().and_then(|text| shell::refusal(text, before)) {
            Some(why) => Err(why),
            None => Ok(words),
        }
    }

    /// Returns the words of a command whose program an image has. There may be none.
    pub(crate) fn arguments(&self) -> Result<Vec<OsString>, String> {
        match &self.form {
            _ if self.program.is_some() => Err(
                "`bin` and `example` name programs of this machine, and an image has its own"
                    .to_owned(),
            ),
            Form::Line(line) if line.trim().is_empty() => Ok(Vec::new()),
            Form::Words(words) => Ok(words.clone()),
            Form::Line(line) => match shell::refusal(line, Before::Program) {
                Some(why) => Err(why),
                None => Ok(shell::split(line)?
                    .into_iter()
                    .map(OsString::from)
                    .collect()),
            },
        }
    }

    /// Returns a hint for a failed command that contains syntax of a shell.
    pub(crate) fn shell_hint(&self, has_said: impl Fn(&str) -> bool) -> Option<String> {
        shell::hint(self.text()?, has_said)
    }

    fn text(&self) -> Option<&str> {
        match &self.form {
            Form::Line(line) => Some(line),
            Form::Words(_) => None,
        }
    }

    fn split(&self) -> Result<Vec<OsString>, String> {
        let mut words = match &self.form {
            Form::Line(line) => {
                let words = shell::split(line)?;
                words.into_iter().map(OsString::from).collect()
            }
            Form::Words(words) => words.clone(),
        };
        if let Some(program) = &self.program {
            words.insert(0, program.clone());
        }
        match words.first() {
            Some(program) if !program.is_empty() => Ok(words),
            _ => Err(EMPTY.to_owned()),
        }
    }

    /// Returns the text for a shell.
    pub(crate) fn line(&self) -> Result<&str, String> {
        match &self.form {
            _ if self.program.is_some() => {
                Err("`bin` and `example` run without a shell; remove `shell`, or write the whole command as the text of the kind".to_owned())
            }
            Form::Line(line) if !line.trim().is_empty() => Ok(line),
            Form::Line(_) => Err(EMPTY.to_owned()),
            Form::Words(_) => Err(
                "a shell takes one text, not a list of words; write one text, or remove `shell`"
                    .to_owned(),
            ),
        }
    }

    /// Returns the program's file name without its extension: the default name of the process.
    pub(crate) fn stem(&self) -> Option<String> {
        let words = self.split().ok()?;
        let stem = Path::new(words.first()?).file_stem()?;
        Some(stem.to_string_lossy().into_owned())
    }
}

/// Shows the command as the user wrote it.
impl std::fmt::Display for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(program) = &self.program {
            write!(f, "{} ", crate::error::shown_command([program.as_os_str()]))?;
        }
        match &self.form {
            Form::Line(line) => f.write_str(line),
            Form::Words(words) => f.write_str(&crate::error::shown_command(
                words.iter().map(OsString::as_os_str),
            )),
        }
    }
}

impl From<&str> for Command {
    fn from(line: &str) -> Command {
        Command::new(Form::Line(line.to_owned()))
    }
}

impl From<String> for Command {
    fn from(line: String) -> Command {
        Command::new(Form::Line(line))
    }
}

impl From<&String> for Command {
    fn from(line: &String) -> Command {
        Command::from(line.as_str())
    }
}

impl<S: AsRef<OsStr>, const N: usize> From<[S; N]> for Command {
    fn from(words: [S; N]) -> Command {
        Command::from(&words[..])
    }
}

impl<S: AsRef<OsStr>> From<Vec<S>> for Command {
    fn from(words: Vec<S>) -> Command {
        Command::from(&words[..])
    }
}

impl<S: AsRef<OsStr>> From<&[S]> for Command {
    fn from(words: &[S]) -> Command {
        let words = words.iter().map(|word| word.as_ref().to_owned());
        Command::new(Form::Words(words.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_split_as_a_shell_would_and_not_expanded() {
        let command = Command::from(r#"a 'b c' "d $HOME" e\ f '' {port}"#);
        let words = ["a", "b c", "d $HOME", "e f", "", "{port}"];
        assert_eq!(command.words().unwrap(), words);
        assert_eq!(Command::from(words).words().unwrap(), words);
    }

    #[test]
    fn bad_commands_say_what_is_wrong() {
        let wrong = |command: Command| command.words().unwrap_err();
        assert!(wrong("a 'b".into()).contains("`a 'b` has a quote that is not closed"));
        assert_eq!(wrong("  ".into()), EMPTY);
        assert_eq!(wrong("''".into()), EMPTY);
        assert!(wrong("mkdir a && touch b".into()).contains("so `&&` would be plain text"));
        assert_eq!(wrong(Vec::<&str>::new().into()), EMPTY);
    }

    #[test]
    fn a_program_gives_its_name() {
        let stem = |command: &str| Command::from(command).stem();
        assert_eq!(stem("/usr/bin/postgres -D x").as_deref(), Some("postgres"));
        assert_eq!(stem("./my.server").as_deref(), Some("my"));
        assert_eq!(stem(""), None);
    }
}
