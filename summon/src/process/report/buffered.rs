//! Hints at programs that keep their output in a buffer, or that end with their input.

use std::ffi::OsString;
use std::path::Path;

use crate::exec_error::Attempt;
use crate::probe::Waited;
use crate::process::parts::Parts;
use crate::stdin::Kind;

impl Parts {
    /// Returns whether the process is ready when it writes a line.
    pub(in crate::process) fn waits_for_output(&self) -> bool {
        let mut probes = self.declaration.probes.iter();
        probes.any(|probe| probe.facts().is_seen_in_log)
    }

    /// Returns a hint for a program that has written nothing, although summon waits for a line. The
    /// C library and many languages keep up to some KiB in a buffer if the output is a pipe.
    pub(in crate::process) fn hint_at_buffer(
        &self,
        waited: &Waited,
        output: &[u8],
    ) -> Option<String> {
        // A program in Rust writes each line at once.
        let is_own = self.declaration.spec.command.is_own();
        if is_own || !self.waits_for_output() {
            return None;
        }
        let words = self.words_that_run(waited);
        let Some(python) = words.iter().position(|word| is_python(word)) else {
            let is_told = words.iter().any(|word| is_program(word, "stdbuf"));
            return (output.is_empty() && !is_told).then(|| {
                "it has written nothing: many programs keep their output in a buffer if it is a pipe; \
                 write `stdbuf -oL` before the program, or use its option for line buffering"
                    .to_owned()
            });
        };
        let is_set =
            |(name, value): &(OsString, OsString)| name == "PYTHONUNBUFFERED" && !value.is_empty();
        let is_assigned = |word: &String| {
            let value = word.strip_prefix("PYTHONUNBUFFERED=");
            value.is_some_and(|it| !it.is_empty())
        };
        let is_unbuffered = self.environment().is_ok_and(|env| env.iter().any(is_set))
            || words[..python].iter().any(is_assigned)
            || has_option_u(&words[python + 1..]);
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

    /// Returns the words of what runs: of the command, of the commands of its shell, of its script's `#!`
    /// line, and of its descendants.
    fn words_that_run(&self, waited: &Waited) -> Vec<String> {
        let (argv, env) = (self.argv(), self.environment());
        let dir = self.working_directory();
        let (Ok(argv), Ok(env), Ok(dir)) = (argv, env, dir) else {
            return Vec::new();
        };
        let script = Attempt::new(&argv, &env, &dir).first_line();
        let lines = script.into_iter().chain(self.shell_line());
        let lines = lines.chain(waited.left.iter().cloned());
        let lines: Vec<String> = lines.collect();
        let of_lines = lines.iter().flat_map(|line| line.split_whitespace());
        let argv = argv.iter().map(|word| word.to_string_lossy().into_owned());
        argv.chain(of_lines.map(str::to_owned)).collect()
    }

    /// Returns a hint for a program that has ended with success, perhaps with its input.
    pub(in crate::process) fn hint_at_empty_input(&self) -> Option<String> {
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
    pub(in crate::process) fn shell_line(&self) -> Option<String> {
        let argv = self.argv().ok()?;
        let is_shell = self.declaration.spec.shell || self.declaration.is_shell();
        let flag = argv.get(1).filter(|_| is_shell)?.to_str()?;
        let has_line = flag.starts_with('-') && !flag.starts_with("--") && flag.contains('c');
        let line = argv.get(2).filter(|_| has_line)?;
        Some(line.to_string_lossy().into_owned())
    }
}

fn is_program(word: &str, name: &str) -> bool {
    Path::new(word).file_name().is_some_and(|it| it == name)
}

/// Whether a word names Python: `python`, `/usr/bin/python3.11`.
fn is_python(word: &str) -> bool {
    let name = Path::new(word).file_name().and_then(|it| it.to_str());
    let version = name.and_then(|it| it.strip_prefix("python"));
    version.is_some_and(|it| it.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

/// Whether the words after Python have its own option `-u`, also as a part of `-Eu`. The words after a script,
/// or after `-c` and `-m`, belong to the program.
fn has_option_u(words: &[String]) -> bool {
    let mut words = words.iter();
    while let Some(letters) = words.next().and_then(|it| it.strip_prefix('-')) {
        for letter in letters.chars() {
            match letter {
                'u' => return true,
                'c' | 'm' => return false,
                // The rest of the word is its value, or else the next word.
                'W' | 'X' => {
                    if letters.ends_with(letter) {
                        words.next();
                    }
                    break;
                }
                _ => {}
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_u_of_python_is_told_from_that_of_a_program() {
        let has = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            has_option_u(&words)
        };
        for python in [
            "-u app.py",
            "-Eu -m app",
            "-X dev -u app.py",
            "-Wdefault -u",
        ] {
            assert!(has(python), "{python}");
        }
        for program in [
            "app.py -u admin",
            "-m app -u",
            "-c x -u",
            "-X u app.py",
            "",
            "-E",
        ] {
            assert!(!has(program), "{program}");
        }
    }

    #[test]
    fn python_has_many_names() {
        for python in ["python", "python3", "/usr/bin/python3.11"] {
            assert!(is_python(python), "{python}");
        }
        for other in ["pythonista", "python.py", "python3-config", "sh"] {
            assert!(!is_python(other), "{other}");
        }
    }
}
