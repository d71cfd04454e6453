//! Hints at programs that keep their output in a buffer, or that end with their input.

use std::ffi::OsString;
use std::path::Path;

use super::parts::Parts;
use crate::exec_error::Attempt;
use crate::probe::Waited;
use crate::stdin::Kind;

impl Parts {
    /// Returns whether the process is ready when it writes a line.
    pub(super) fn waits_for_output(&self) -> bool {
        let mut probes = self.declaration.probes.iter();
        probes.any(|probe| probe.facts().is_seen_in_log)
    }

    /// Returns a hint for a program that has written nothing, although summon waits for a line. The
    /// C library and many languages keep up to some KiB in a buffer if the output is a pipe.
    pub(super) fn hint_at_buffer(&self, waited: &Waited, output: &[u8]) -> Option<String> {
        // A program in Rust writes each line at once.
        let is_own = self.declaration.spec.command.is_own();
        if is_own || !self.waits_for_output() {
            return None;
        }
        if !self.is_python(waited) {
            return output.is_empty().then(|| {
                "it has written nothing: many programs keep their output in a buffer if it is a pipe; \
                 write `stdbuf -oL` before the program, or use its option for line buffering"
                    .to_owned()
            });
        }
        let is_set =
            |(name, value): &(OsString, OsString)| name == "PYTHONUNBUFFERED" && !value.is_empty();
        let is_unbuffered = self.environment().is_ok_and(|env| env.iter().any(is_set))
            || self
                .argv()
                .is_ok_and(|argv| argv.iter().any(|it| it == "-u"));
        (!is_unbuffered).then(|| match output.is_empty() {
            true => "it has written nothing: Python keeps its output in a buffer if it is a pipe; set \
                     `env(\"PYTHONUNBUFFERED\", \"1\")`"
                .to_owned(),
            // Its log on stderr comes at once.
            false => "Python keeps what it prints to stdout in a buffer if that is a pipe: if the line may be \
                      there, set `env(\"PYTHONUNBUFFERED\", \"1\")`"
                .to_owned(),
        })
    }

    /// Returns whether Python runs: as the program, as its interpreter, or as its child.
    fn is_python(&self, waited: &Waited) -> bool {
        let is = |program: &str| {
            let name = Path::new(program).file_name();
            name.is_some_and(|name| name.to_string_lossy().starts_with("python"))
        };
        let (argv, env) = (self.argv(), self.environment());
        let dir = self.working_directory();
        let (Ok(argv), Ok(env), Ok(dir)) = (argv, env, dir) else {
            return false;
        };
        let own = argv.first().map(|word| word.to_string_lossy().into_owned());
        let script = Attempt::new(&argv, &env, &dir).first_line();
        let words = own
            .into_iter()
            .chain(script)
            .chain(waited.left.iter().cloned());
        let lines: Vec<String> = words.collect();
        lines
            .iter()
            .any(|line| line.split_whitespace().take(2).any(is))
    }

    /// Returns a hint for a program that has ended with success, perhaps with its input.
    pub(super) fn hint_at_empty_input(&self) -> Option<String> {
        let is_empty = matches!(self.declaration.spec.stdin.0, Kind::Null);
        (is_empty && self.may_read_input()).then(|| {
            "its standard input is empty: if it ends for that reason, set `stdin = Stdin::piped()`"
                .to_owned()
        })
    }

    /// Returns whether the program, or a program that its shell names, can read its input. If summon can't
    /// tell, it can.
    fn may_read_input(&self) -> bool {
        let (argv, env) = (self.argv(), self.environment());
        let (Ok(argv), Ok(env), Ok(dir)) = (argv, env, self.working_directory()) else {
            return true;
        };
        if self.declaration.has_image() {
            return true;
        }
        let may_read = |program: &[OsString]| Attempt::new(program, &env, &dir).may_read();
        let Some(line) = self.shell_line() else {
            return may_read(&argv).unwrap_or(true);
        };
        let is_part = |c: char| c.is_alphanumeric() || "_-./+".contains(c);
        let mut words = line.split(|c| !is_part(c)).filter(|it| !it.is_empty());
        words.any(|word| word == "read" || may_read(&[word.into()]) == Some(true))
    }

    /// Returns the commands of a shell: its argument after `-c`.
    pub(super) fn shell_line(&self) -> Option<String> {
        let argv = self.argv().ok()?;
        let is_shell = self.declaration.spec.shell || self.declaration.is_shell();
        let flag = argv.get(1).filter(|_| is_shell)?.to_str()?;
        let has_line = flag.starts_with('-') && !flag.starts_with("--") && flag.contains('c');
        let line = argv.get(2).filter(|_| has_line)?;
        Some(line.to_string_lossy().into_owned())
    }
}
