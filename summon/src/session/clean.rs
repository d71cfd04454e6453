//! Removes what test processes have left that could not clean up themselves.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{REPORT, base, log_dir, log_options, logs_of};
use crate::sys::{self, Lock};

/// Logs that an error has named are kept for so long.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// How often it is looked for what others have left.
const CLEANED: Duration = Duration::from_secs(5 * 60);

/// Removes what dead test processes have left here, whatever they were.
pub(super) fn after_all(base: &Path) {
    // Not each time: there may be thousands, and nextest makes a process for each test.
    let mark = base.join(".cleaned");
    let age = fs::metadata(&mark).and_then(|found| found.modified());
    if age.is_ok_and(|at| at.elapsed().is_ok_and(|age| age < CLEANED)) {
        return;
    }
    let marked = log_options().create(true).open(&mark);
    let _ = marked.and_then(|mark| mark.set_modified(SystemTime::now()));
    for found in entries(base) {
        sys::ports::tidy(&found);
        // A test process whose warden could not do this was killed, and its warden with it.
        sweep(&found, None, true);
    }
}

/// What removes all that one test process has left, after its guards have ended. Its warden does
/// that, last, from a working directory of its own; hence the two steps. A test process that was
/// killed has failed: its logs stay, and what guards have reported of it.
#[cfg_attr(
    windows,
    expect(dead_code, reason = "there is no warden that would do it")
)]
pub(crate) fn after(process: u32) -> impl FnOnce(bool) {
    let found = base().and_then(|base| Ok((base, log_dir()?)));
    move |was_killed| {
        let Ok((base, log_dir)) = found else { return };
        let prefix = super::prefix(process);
        let is_its = |path: &PathBuf| name(path).starts_with(&prefix);
        entries(&base)
            .filter(is_its)
            .for_each(|it| sweep(&it, log_dir.as_deref(), was_killed));
    }
}

/// Removes a session that nobody uses, but for the logs that somebody may want to read.
fn sweep(session: &Path, log_dir: Option<&Path>, was_killed: bool) {
    // It is the lock that says so: a pid may have been reused, and others may share it.
    let Ok(Some(_lock)) = sys::lock_dir(session, Lock::Nobody) else {
        return;
    };
    let age = fs::metadata(session).and_then(|found| found.modified());
    if age.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > KEPT)) {
        let _ = fs::remove_dir_all(session);
    }
    // What a run shares may have a note in it for those that are still to come.
    if !name(session).starts_with(|first: char| first.is_ascii_digit()) {
        let _ = fs::remove_dir(session);
        return;
    }
    if sys::user() == 0 {
        for dir in of_others(session) {
            let _ = fs::remove_dir_all(dir);
        }
    }
    for dir in [&logs_of(session, log_dir), session] {
        for path in entries(dir) {
            let Ok(found) = fs::symlink_metadata(&path) else {
                continue;
            };
            let is_wanted = was_killed && found.is_file() && is_to_read(&path);
            let is_kept = sys::private::is_kept(&found) || is_wanted && keep(&path).is_ok();
            let _ = match found.is_dir() {
                true => fs::remove_dir_all(&path),
                false if found.is_file() && is_kept => continue,
                false => fs::remove_file(&path),
            };
        }
        // Unless a log was kept in it.
        let _ = fs::remove_dir(dir);
    }
}

/// Whether it is a log or a report, and none of the files beside them, which begin with a dot.
fn is_to_read(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    !name(path).starts_with('.') && (extension == "log" || path.ends_with(REPORT))
}

fn keep(path: &Path) -> io::Result<()> {
    sys::private::keep(&sys::private::options().read(true).open(path)?)
}

/// The directories that root has made in a session, but for other users.
fn of_others(session: &Path) -> Vec<PathBuf> {
    let Some(base) = session.parent() else {
        return Vec::new();
    };
    let prefix = format!("{}-", name(session));
    let bases = base.parent().into_iter().flat_map(entries);
    let others = bases.filter(|it| it != base && is_of_its_user(it));
    let dirs = others.flat_map(|other| entries(&other));
    dirs.filter(|dir| name(dir).starts_with(&prefix)).collect()
}

/// Whether it is what `base_of` makes, and neither a link nor somebody else's: anybody may put
/// something of that name into the temporary directory.
fn is_of_its_user(base: &Path) -> bool {
    let found = fs::symlink_metadata(base);
    let is_its = |found: fs::Metadata| {
        found.is_dir() && name(base) == format!("summon-{}", sys::private::owner(&found))
    };
    found.is_ok_and(is_its)
}

fn name(path: &Path) -> Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

fn entries(dir: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.path())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn what_others_have_called_like_a_directory_of_ours_is_not_followed() {
        let home = crate::session::Home::create("others", None, None).unwrap();
        let temp = home.dir();
        let session = temp.join("summon-of-the-tests/12-ab");
        let (victim, right) = (
            temp.join("victim"),
            temp.join(format!("summon-{}", sys::user())),
        );
        for dir in [
            &session,
            &victim.join("12-ab-x"),
            &right.join("12-ab-x"),
            &right.join("12-abc"),
        ] {
            fs::create_dir_all(dir).unwrap();
        }
        // Of no such user's, and a link of the right name would have the link's owner.
        fs::create_dir_all(temp.join("summon-61008/12-ab-x")).unwrap();
        symlink(&victim, temp.join("summon-7")).unwrap();
        assert_eq!(of_others(&session), [right.join("12-ab-x")]);
        fs::rename(&right, temp.join("moved")).unwrap();
        symlink(&victim, &right).unwrap();
        assert!(of_others(&session).is_empty());
    }
}
