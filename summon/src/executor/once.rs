//! Options for a fast start: commands that run once for many starts, and memory instead of a disk.

use super::Coordinated;
use crate::command::Command;

impl<P> Coordinated<P> {
    /// Runs a command before the first start, and keeps its result for later starts, which copy it.
    /// This is for slow commands whose only effect is on `{dir}`, such as `initdb`. Several commands
    /// run one after the other, before the commands of [`before`](Coordinated::before), and have
    /// one result. Default: none.
    ///
    /// ```
    /// summon::SimpleExecutor::new("postgres -D {dir}/data").before_once("initdb -D {dir}/data");
    /// ```
    ///
    /// The command runs again if one of these is new: its words, the programs of the command and of
    /// the process, files that the words name, the files of [`with_file`](Coordinated::with_file)
    /// and [`with_dir`](Coordinated::with_dir), variables of [`env`](Coordinated::env), `LANG`,
    /// `LC_*`, `TZ`, the user, and the working directory. A program or a file is new if its path,
    /// size, or time of change is. The command must depend on nothing else. If its words have a
    /// placeholder other than `{dir}` and `{name}`, such as `{port}`, it runs for each start.
    ///
    /// summon keeps results in `<temp>/summon-<uid>-cache`, and removes each one a week after its
    /// last use. `SUMMON_CACHE` names another directory, and `SUMMON_CACHE=0` switches this off. If
    /// the cache can't be used, the command runs for each start.
    pub fn before_once(self, command: impl Into<Command>) -> Self {
        self.change(|spec| spec.before_once.push(command.into()))
    }

    /// Keeps the private directory in memory, in `/dev/shm`. If less than 2 GB are free there, as in
    /// Docker by default, the directory is on disk. `SUMMON_MEMORY=1` does this for all processes,
    /// and `SUMMON_MEMORY=0` for none. Default: on disk.
    ///
    /// ```
    /// let pg = summon::servers::Postgres::new().in_memory(true);
    /// ```
    ///
    /// The files take memory until the directory is removed. Programs in the directory can't be
    /// executed if the system mounts `/dev/shm` so. If a file of
    /// [`with_file`](Coordinated::with_file) is executable, the directory is then on disk. A
    /// directory that other users may enter ([`dir_mode`](Coordinated::dir_mode)) is always on disk.
    ///
    /// # Platform notes
    ///
    /// On macOS the directory is always on disk.
    pub fn in_memory(self, in_memory: bool) -> Self {
        self.change(|spec| spec.in_memory = Some(in_memory))
    }
}
