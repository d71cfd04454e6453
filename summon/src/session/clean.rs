//! Removes the files of test processes that could not clean up themselves.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::base::{
    Base, REPORT, SHARED, is_shared, log_dir, logs_of, name_of, open_base, prefix, stream_logs,
};
#[cfg(unix)]
use super::cache;
use super::claim;
use super::memory;
use super::sweep::INTERRUPTED;
use super::turn::END;
use crate::progress;
use crate::sys::dir::{Dir, FileStatus};
use crate::sys::{self, Left, Lock};

/// How long to keep logs that an error has named.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// By how much the times of a file system may lag behind the clock.
const SLACK: Duration = Duration::from_secs(2);

/// The interval between two searches for leftovers.
const CLEANED: Duration = Duration::from_secs(5 * 60);

/// Removes the leftovers of dead test processes from this base.
pub(super) fn after_all(base: &Base) {
    // Skipped if done lately: there may be thousands of leftovers, and nextest makes a process for
    // each test.
    let mark = OsStr::new(".cleaned");
    let age = base.dir.look(mark).ok().and_then(|found| found.age());
    if age.is_some_and(|age| age < CLEANED) {
        return;
    }
    let marked = base.dir.append_or_create(mark);
    let _ = marked.and_then(|mark| mark.set_modified(SystemTime::now()));
    // Leftovers mean that the warden was killed too. So the test process counts as killed.
    let cleaning = Cleaning::of(base, None, true);
    let mut left = Vec::new();
    for name in base.dir.names().unwrap_or_default() {
        sys::ports::tidy(&base.path.join(&name));
        left.extend(cleaning.sweep(&name));
    }
    left.extend(cleaning.sweep_others());
    left.extend(memory::sweep());
    #[cfg(unix)]
    cache::place().iter().for_each(|it| cache::sweep(it));
    for left in left {
        progress::say(&format!("{left} (a test that is dead has left it)"));
    }
}

/// Returns a function that removes the leftovers of one test process after its guards have ended.
///
/// Its warden calls that function last, from another working directory, so this part resolves the
/// paths first. A killed test process has failed: its logs stay, with the reports of the guards.
#[cfg_attr(
    windows,
    expect(dead_code, reason = "there is no warden that would do it")
)]
pub(crate) fn after(process: u32) -> impl FnOnce(bool) {
    // The paths depend on the working directory. The function below checks again that the base
    // belongs to this user.
    let found = Base::own().and_then(|base| Ok((base.path, log_dir()?)));
    #[cfg(unix)]
    let caches = cache::place();
    let began = Instant::now();
    move |was_killed| {
        let Ok((path, log_dir)) = found else { return };
        let Ok(base) = Base::at(path, sys::user()) else {
            return;
        };
        let cleaning = Cleaning::of(&base, log_dir, was_killed);
        let prefix = prefix(process);
        // The process may have started a service that its run shares. Then it has put files into that
        // session. Many sessions of other runs may have kept logs, so those are not searched.
        let is_of_run = |name: &OsStr| {
            let age = base.dir.look(name).ok().and_then(|found| found.age());
            is_shared(name) && age.is_none_or(|age| age <= began.elapsed() + SLACK)
        };
        for name in base.dir.names().unwrap_or_default() {
            if name.to_string_lossy().starts_with(&prefix) || is_of_run(&name) {
                cleaning.sweep(&name);
            }
        }
        memory::sweep();
        #[cfg(unix)]
        caches.iter().for_each(|it| cache::sweep(it));
        cleaning.remove_empty();
    }
}

struct Cleaning<'a> {
    base: &'a Base,
    /// The bases of other users, with the names in them: read once, since a base may have thousands of
    /// sessions with kept logs, and each is looked up here.
    others: Vec<(Base, Vec<OsString>)>,
    /// The directory of the logs, if `SUMMON_LOG_DIR` moves them.
    log_dir: Option<PathBuf>,
    /// The test process was killed, so it has failed: its logs stay.
    was_killed: bool,
}

impl Cleaning<'_> {
    fn of(base: &Base, log_dir: Option<PathBuf>, was_killed: bool) -> Cleaning<'_> {
        let names = |other: Base| {
            let names = other.dir.names().unwrap_or_default();
            (other, names)
        };
        Cleaning {
            base,
            others: others(base).into_iter().map(names).collect(),
            log_dir,
            was_killed,
        }
    }

    /// Removes the unused files of a session, except logs that a user may want to read. Returns the
    /// files that could not be removed.
    fn sweep(&self, name: &OsStr) -> Vec<Left> {
        let (base, path) = (&self.base.dir, self.base.path.join(name));
        let mut left = Vec::new();
        if !is_shared(name) && !is_own(name) {
            return left;
        }
        if is_shared(name) {
            // Removes each dead process separately, since others of the run may be alive.
            if let Ok(session) = base.enter(name) {
                left.extend(self.sweep_dead(&session, &path));
            }
        }
        // Only the lock shows that the session is unused: a pid may have been reused, and other
        // processes may share the session.
        let Ok(Some(session)) = base.enter_locked(name, Lock::Nobody) else {
            return left;
        };
        let age = session.found().ok().and_then(|found| found.age());
        if age.is_some_and(|age| age > KEPT) {
            left.extend(base.remove(name, &self.base.path));
        } else if is_shared(name) {
            // The session may contain a note for processes that come later, and then it stays. A
            // note of an interruption is out of date, and so is the end of a turn.
            for note in [INTERRUPTED, END] {
                let _ = session.remove_file(note.as_ref());
            }
            let _ = base.remove_empty(name);
        } else {
            let prefix = format!("{}-", name.to_string_lossy());
            left.extend(self.remove_others(|name| name.starts_with(&prefix)));
            left.extend(self.empty(&session, &path));
        }
        left
    }

    /// Removes the contents of a session except kept logs, and the session if it is empty then.
    fn empty(&self, session: &Dir, path: &Path) -> Vec<Left> {
        let logs_path = logs_of(path, self.log_dir.as_deref());
        let logs = open_own(&logs_path);
        let logs = logs.iter().map(|logs| (logs, logs_path.as_path()));
        let mut left = Vec::new();
        for (dir, path) in logs.chain([(session, path)]) {
            for name in dir.names().unwrap_or_default() {
                let found = dir.look(&name).ok().filter(FileStatus::is_file);
                let is_wanted = found.is_some() && self.was_killed && is_to_read(&name);
                let is_kept = found.is_some_and(|it| it.is_kept());
                if !(is_kept || is_wanted && keep(dir, &name).is_ok()) {
                    left.extend(dir.remove(&name, path));
                }
            }
            // Fails if a log was kept in it.
            let _ = fs::remove_dir(path);
        }
        left
    }

    /// Removes the processes of a shared session that are dead.
    fn sweep_dead(&self, session: &Dir, path: &Path) -> Vec<Left> {
        let logs_path = logs_of(path, self.log_dir.as_deref());
        let logs = open_own(&logs_path);
        let mut left = Vec::new();
        for (name, _claim) in claim::dead(session) {
            left.extend(session.remove(name.as_ref(), path));
            let other = format!("{}-{name}", name_of(path).to_string_lossy());
            left.extend(self.remove_others(|name| name == other));
            let log = logs_path.join(format!("{name}.log"));
            let streams = stream_logs(&log);
            let files = [&log].into_iter().chain(&streams).map(|path| name_of(path));
            for (logs, file) in logs
                .iter()
                .flat_map(|logs| files.clone().map(move |it| (logs, it)))
            {
                if !logs.look(file).is_ok_and(|it| it.is_kept()) {
                    let _ = logs.remove_file(file);
                }
            }
        }
        left
    }

    /// Removes the directories with other users of sessions that no longer exist.
    fn sweep_others(&self) -> Vec<Left> {
        let left = self.remove_others(|name| {
            let session = session_of(name);
            session.is_some_and(|session| self.base.dir.look(session.as_ref()).is_err())
        });
        self.remove_empty();
        left
    }

    /// Removes the empty bases of other users.
    fn remove_empty(&self) {
        for (other, _) in &self.others {
            let _ = fs::remove_dir(&other.path);
        }
    }

    /// Removes matching directories from the bases of other users.
    fn remove_others(&self, is_it: impl Fn(&str) -> bool) -> Vec<Left> {
        let mut left = Vec::new();
        for (other, names) in &self.others {
            for name in names {
                if name.to_str().is_some_and(&is_it) {
                    left.extend(other.dir.remove(name, &other.path));
                }
            }
        }
        left
    }
}

/// Returns whether a file is a log or a report. Other files beside them begin with a dot.
fn is_to_read(name: &OsStr) -> bool {
    let extension = Path::new(name).extension().unwrap_or_default();
    !name.to_string_lossy().starts_with('.') && (extension == "log" || name == REPORT)
}

fn keep(dir: &Dir, name: &OsStr) -> io::Result<()> {
    sys::private::keep(&dir.append(name)?)
}

/// Returns the existing bases that `Base::of_user` and `Base::open` make. Skips links and
/// directories of strangers: every user can make such a name in the temporary directory.
fn others(base: &Base) -> Vec<Base> {
    let temp = base.path.parent();
    let open = temp.and_then(|temp| Base::open_at(temp.join(open_base(sys::user()))).ok());
    let entries = temp
        .filter(|_| sys::user() == 0)
        .and_then(|temp| fs::read_dir(temp).ok());
    let paths = entries.into_iter().flatten().flatten().map(|it| it.path());
    let others = paths.filter(|path| *path != base.path).filter_map(|path| {
        let uid = name_of(&path).to_str()?.strip_prefix("summon-")?;
        let uid = uid.parse().ok()?;
        Base::at(path, uid).ok()
    });
    others.chain(open).collect()
}

/// Returns the session of a directory that belongs to another user.
fn session_of(name: &str) -> Option<String> {
    let mut parts = name.splitn(3, '-');
    let (first, second, _) = (parts.next()?, parts.next()?, parts.next()?);
    let is_pid = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
    (is_pid || first == SHARED).then(|| format!("{first}-{second}"))
}

/// Returns whether a session belongs to one process: its name then begins with the pid.
fn is_own(name: &OsStr) -> bool {
    name.as_encoded_bytes()
        .first()
        .is_some_and(u8::is_ascii_digit)
}

/// Opens a directory, unless another user has replaced it.
fn open_own(path: &Path) -> Option<Dir> {
    let dir = Dir::open(path).ok()?;
    dir.found()
        .is_ok_and(|it| it.is_of(sys::user()))
        .then_some(dir)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn what_others_have_called_like_a_directory_of_ours_is_not_followed() {
        let home =
            crate::session::Home::create("others", None, sys::users::Access::PRIVATE).unwrap();
        let temp = home.dir();
        let (victim, right) = (
            temp.join("victim"),
            temp.join(format!("summon-{}", sys::user())),
        );
        for dir in [
            &temp.join("base/12-ab"),
            &victim.join("12-ab-x"),
            &right.join("12-ab-x"),
            &right.join("12-abc"),
            // The owner differs from the uid in the name.
            &temp.join("summon-61008/12-ab-x"),
        ] {
            let mut builder = sys::private::directory();
            builder.recursive(true).create(dir).unwrap();
        }
        // A link has its own owner, so it must not be followed even with the right uid in its name.
        symlink(&victim, temp.join("summon-7")).unwrap();
        let base = Base::at(temp.join("base"), sys::user()).unwrap();
        let paths = || {
            let others = others(&base);
            others.into_iter().map(|it| it.path).collect::<Vec<_>>()
        };
        let expected: &[PathBuf] = match sys::user() {
            0 => std::slice::from_ref(&right),
            _ => &[],
        };
        assert_eq!(paths(), expected);
        Cleaning::of(&base, None, false).remove_others(|name| name.starts_with("12-ab-"));
        assert_eq!(right.join("12-ab-x").exists(), sys::user() != 0);
        assert!(right.join("12-abc").exists() && victim.join("12-ab-x").exists());
        fs::rename(&right, temp.join("moved")).unwrap();
        symlink(&victim, &right).unwrap();
        assert!(paths().is_empty());
    }

    #[test]
    fn what_is_open_to_others_goes_with_its_session() {
        let home = crate::session::Home::create("open", None, sys::users::Access::PRIVATE).unwrap();
        let temp = home.dir();
        let open = temp.join(open_base(sys::user()));
        for dir in [
            &temp.join("base/13-cd"),
            &open.join("12-ab-x"),
            &open.join("13-cd-x"),
        ] {
            let mut builder = sys::private::directory();
            builder.recursive(true).create(dir).unwrap();
        }
        Dir::open(&open).unwrap().set_mode(0o711).unwrap();
        let base = Base::at(temp.join("base"), sys::user()).unwrap();
        assert_eq!(Cleaning::of(&base, None, false).sweep_others().len(), 0);
        assert!(!open.join("12-ab-x").exists() && open.join("13-cd-x").exists());
        // Others could change it, so it is rejected.
        Dir::open(&open).unwrap().set_mode(0o722).unwrap();
        assert!(Base::open_at(open).is_err());
    }

    #[test]
    fn directories_with_other_users_name_their_session() {
        let cases = [
            ("123-ab12-redis", Some("123-ab12")),
            ("run-0123456789ab-my-db", Some("run-0123456789ab")),
            ("123-ab12", None),
            (".cleaned", None),
            ("a-b-c", None),
        ];
        for (name, session) in cases {
            assert_eq!(session_of(name).as_deref(), session, "{name}");
        }
    }
}
