//! Commands that run once for many starts.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::rc::Rc;

use summon::SimpleExecutor;

use crate::needs::needs;
use crate::support::{Group, TempDir, copy_program, eventually};

/// Makes a tree, and notes that it ran. The note's path is in a variable, since a file that the
/// words name is a part of the key.
const MAKE: &str = "echo made >> $RECORD; mkdir -m 750 {dir}/data; echo 7 > {dir}/data/seven; \
     touch -d @86400 {dir}/data/seven; chmod 640 {dir}/data/seven; ln -s seven {dir}/data/link; \
     truncate -s 1M {dir}/data/hole; echo end >> {dir}/data/hole";

/// The task of a test process, by variables.
fn wanted(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

#[test]
#[ignore = "another test runs it, with variables"]
fn starts_a_process() {
    let script = wanted("SCRIPT");
    let mut server = SimpleExecutor::new([wanted("SERVER"), "1000".to_owned()])
        .before_once(["sh", "-c", &script])
        .env("RECORD", wanted("RECORD"));
    if let Ok(text) = std::env::var("INPUT") {
        server = server.with_file("input", text);
    }
    if std::env::var_os("AS_NOBODY").is_some() {
        server = server.user("nobody");
    }
    server.start().unwrap();
    let said = Command::new("sh")
        .args(["-c", &wanted("SHOW")])
        .current_dir(server.dir())
        .output()
        .unwrap();
    println!("<{}>", String::from_utf8_lossy(&said.stdout));
    let _ = fs::write(wanted("DONE"), "");
}

/// A cache, and the processes that use it.
struct Cached {
    /// Kept by all variants: another test would get the name of a directory that is gone.
    dir: Rc<TempDir>,
    set: Vec<(&'static str, String)>,
}

impl Cached {
    fn new(script: &str) -> Cached {
        let dir = TempDir::new();
        // The user `nobody` enters it.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let set = vec![
            ("SUMMON_CACHE", dir.file("cache")),
            ("RECORD", dir.file("record")),
            ("SCRIPT", script.to_owned()),
            ("SERVER", "sleep".to_owned()),
            ("SHOW", "cat data/seven".to_owned()),
        ];
        let dir = Rc::new(dir);
        Cached { dir, set }
    }

    fn with(&self, name: &'static str, value: &str) -> Cached {
        let mut set = self.set.clone();
        set.retain(|(other, _)| *other != name);
        set.push((name, value.to_owned()));
        Cached {
            dir: Rc::clone(&self.dir),
            set,
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "once::starts_a_process", "--ignored"]);
        command.args(["--nocapture", "--test-threads=1"]);
        command.envs(self.set.iter().map(|(name, value)| (name, value)));
        command
    }

    fn spawn(&self) -> Child {
        self.command().stdout(Stdio::piped()).spawn().unwrap()
    }

    /// Runs a process, and returns what it shows of its directory.
    fn start(&self) -> String {
        shown(&self.command().output().unwrap())
    }

    /// Returns how often the command has run.
    fn runs(&self) -> usize {
        let (_, record) = self.set.iter().find(|it| it.0 == "RECORD").unwrap();
        let text = fs::read_to_string(record).unwrap_or_default();
        text.lines().count()
    }

    fn dir_of_cache(&self) -> &str {
        let (_, dir) = self.set.iter().find(|it| it.0 == "SUMMON_CACHE").unwrap();
        dir
    }

    /// Returns the directories of the results.
    fn results(&self) -> Vec<PathBuf> {
        let bases = fs::read_dir(self.dir_of_cache())
            .into_iter()
            .flatten()
            .flatten();
        let below = bases.flat_map(|base| fs::read_dir(base.path()).unwrap());
        let below = below.map(|entry| entry.unwrap().path());
        below.filter(|path| path.is_dir()).collect()
    }
}

fn shown(ran: &Output) -> String {
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{ran:?}");
    let (_, shown) = said.split_once('<').unwrap();
    shown.split_once('>').unwrap().0.to_owned()
}

#[test]
fn later_starts_copy_all_of_it() {
    let cached = Cached::new(MAKE).with(
        "SHOW",
        "stat -c '%n %a %s %Y' data/seven data/hole; readlink data/link; stat -c %a data; \
         tail -c 4 data/hole",
    );
    let first = cached.start();
    assert_eq!(cached.start(), first);
    assert_eq!(cached.runs(), 1);
    assert!(first.contains("data/seven 640 2 86400\n"), "{first}");
    assert!(first.contains("\nseven\n750\nend\n"), "{first}");
    // The hole takes no place.
    let blocks = cached.with("SHOW", "stat -c %b data/hole").start();
    let blocks: u64 = blocks.trim().parse().unwrap();
    assert!(blocks * 512 < 1 << 20, "{blocks}");
    // Nothing but one result and its lock, for this user alone.
    let results = cached.results();
    assert_eq!(results.len(), 1, "{results:?}");
    let base = results[0].parent().unwrap();
    assert_eq!(fs::metadata(base).unwrap().mode() & 0o777, 0o700);
}

#[test]
fn many_processes_at_once_make_it_once() {
    let cached = Cached::new(&format!("sleep 0.3; {MAKE}"));
    let children: Vec<Child> = (0..8).map(|_| cached.spawn()).collect();
    for child in children {
        assert_eq!(shown(&child.wait_with_output().unwrap()), "7\n");
    }
    assert_eq!(cached.runs(), 1);
}

#[test]
fn another_key_is_another_result() {
    let cached = Cached::new(MAKE);
    let dir = &cached.dir;
    assert_eq!(cached.start(), "7\n");
    let mut runs = 1;
    let mut is_new = |cached: &Cached, why: &str| {
        for _ in 0..2 {
            assert_eq!(cached.start(), "7\n", "{why}");
        }
        runs += 1;
        assert_eq!(cached.runs(), runs, "{why}");
    };
    is_new(&cached.with("LC_TIME", "C.UTF-8"), "a variable");
    is_new(&cached.with("TZ", "Asia/Tokyo"), "a time zone");
    is_new(&cached.with("INPUT", "a file"), "a file");
    is_new(&cached.with("INPUT", "another file"), "another text");
    is_new(&cached.with("SCRIPT", &format!("{MAKE} ")), "a word");
    // A server that was upgraded.
    let server = dir.file("server");
    copy_program("/bin/sleep", &server);
    let upgraded = cached.with("SERVER", &server);
    is_new(&upgraded, "a server");
    let touched = Command::new("touch")
        .args(["-d", "@86400", &server])
        .status();
    assert!(touched.unwrap().success());
    is_new(&upgraded, "a new server at the same path");
    // A file that the words name.
    let seed = dir.file("seed");
    let seeded = cached.with("SCRIPT", &format!("cp {seed} {{dir}}/seed; {MAKE}"));
    for text in ["one", "two!"] {
        fs::write(&seed, text).unwrap();
        is_new(&seeded, "the text of a file that the words name");
        assert_eq!(seeded.with("SHOW", "cat seed").start(), text);
    }
}

#[test]
fn files_are_of_each_start() {
    let cached = Cached::new(&format!("cp {{dir}}/input {{dir}}/copy; {MAKE}"));
    let cached = cached.with("INPUT", "for {name}");
    let cached = cached.with("SHOW", "cat input copy; ls");
    for _ in 0..2 {
        assert_eq!(cached.start(), "for sleepfor sleepcopy\ndata\ninput\n");
    }
    assert_eq!(cached.runs(), 1);
    // The cache has no copy of what may be a password.
    let input = cached.results()[0].join("tree/input");
    assert!(!input.exists() && cached.results()[0].join("tree/copy").exists());
}

#[test]
fn a_command_with_a_port_runs_for_each_start() {
    let cached = Cached::new(&format!("echo {{port}} > {{dir}}/port; {MAKE}"));
    let cached = cached.with("SHOW", "cat port");
    assert_ne!(cached.start(), "");
    assert_ne!(cached.start(), "");
    assert_eq!((cached.runs(), cached.results().len()), (2, 0));
}

#[test]
fn what_a_killed_process_has_begun_the_next_one_makes() {
    let dir = TempDir::new();
    let begun = dir.file("begun");
    let slow = format!(
        "echo made >> $RECORD; mkdir {{dir}}/half; touch {begun}.$PPID; \
                        test -e {begun} || exec sleep 1000; rmdir {{dir}}/half; {MAKE}"
    );
    // The words name `begun`, so it is in a directory of its own, and the key stays the same.
    let cached = Cached::new(&slow.replace(&begun, "$BEGUN")).with("BEGUN", &begun);
    let cached = cached.with("SHOW", "ls");
    let mut killed = Group::spawn(cached.command().stdout(Stdio::null()));
    eventually("the command runs", || cached.runs() == 1);
    eventually("it has begun", || {
        fs::read_dir(dir.path()).unwrap().count() == 1
    });
    killed.kill().unwrap();
    killed.wait().unwrap();
    fs::write(&begun, "").unwrap();
    assert_eq!(cached.start(), "data\n");
    assert_eq!(cached.start(), "data\n");
    assert_eq!(cached.runs(), 3);
    // The part that the killed one has made is gone.
    let names = fs::read_dir(cached.results()[0].parent().unwrap()).unwrap();
    let names = names.map(|it| it.unwrap().file_name().into_string().unwrap());
    let is_part = |it: &String| it.contains('.') && !it.ends_with(".lock") && it != ".tidied";
    assert_eq!(names.filter(is_part).count(), 0);
}

#[test]
fn a_cache_that_cannot_be_used_is_no_error() {
    let none = |cached: &Cached, why: &str| {
        let before = cached.runs();
        for _ in 0..2 {
            assert_eq!(cached.start(), "7\n", "{why}");
        }
        assert_eq!(cached.runs(), before + 2, "{why}");
    };
    let cached = Cached::new(MAKE);
    none(&cached.with("SUMMON_CACHE", "0"), "it is off");
    none(
        &cached.with("SUMMON_CACHE", "/dev/null/cache"),
        "not a directory",
    );
    none(&cached.with("SUMMON_CACHE", "/proc/cache"), "read-only");
    // SAFETY: `geteuid` only reads.
    #[expect(unsafe_code, reason = "std has no call for it")]
    let uid = unsafe { libc::geteuid() };
    let foreign = cached.dir.file("foreign");
    let base = format!("{foreign}/summon-{uid}-cache");
    fs::create_dir_all(&base).unwrap();
    fs::set_permissions(&base, fs::Permissions::from_mode(0o777)).unwrap();
    none(&cached.with("SUMMON_CACHE", &foreign), "open to others");
    fs::remove_dir(&base).unwrap();
    symlink(cached.dir.path(), &base).unwrap();
    none(&cached.with("SUMMON_CACHE", &foreign), "a link");
}

/// Runs a process that sees a small file system at this path.
fn start_with_full(cached: &Cached, place: &str) -> String {
    let mount = "mount -t tmpfs -o size=2M none $PLACE && exec \"$@\"";
    let child = cached.command();
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", mount, "sh"]);
    command.arg(child.get_program()).args(child.get_args());
    command.envs(
        child
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    command.env("PLACE", place);
    shown(&command.output().unwrap())
}

#[test]
fn a_full_disk_is_no_error() {
    needs!(mounting);
    // The result for the cache is too large for the small file system, unlike the other one.
    let big = "case {dir} in *-cache/*) truncate -s 0 {dir}/data/full; \
               head -c 3000000 /dev/zero > {dir}/data/full || exit 1;; esac";
    let cached = Cached::new(&format!("{MAKE}; {big}"));
    let cached = cached.with("SHOW", "cat data/seven; ls data");
    // The cache is full while the commands run.
    let cache = cached.dir_of_cache();
    fs::create_dir(cache).unwrap();
    assert_eq!(start_with_full(&cached, cache), "7\nhole\nlink\nseven\n");
    assert!(cached.results().is_empty());
    // The private directory is full while a copy is made.
    let temp = TempDir::new();
    let small = cached.with("TMPDIR", temp.path().to_str().unwrap());
    assert_eq!(cached.start(), "7\nfull\nhole\nlink\nseven\n");
    let before = cached.runs();
    let full = start_with_full(&small, temp.path().to_str().unwrap());
    assert_eq!(full, "7\nhole\nlink\nseven\n");
    assert_eq!((cached.runs(), cached.results().len()), (before + 1, 1));
    // The result is as good as before.
    assert_eq!(cached.start(), "7\nfull\nhole\nlink\nseven\n");
    assert_eq!(cached.runs(), before + 1);
}

#[test]
fn a_damaged_result_is_made_anew() {
    let cached = Cached::new(MAKE);
    let damages: [fn(&Path); 6] = [
        |result| fs::remove_file(result.join("tree/data/seven")).unwrap(),
        |result| fs::write(result.join("tree/data/seven"), "77\n").unwrap(),
        |result| fs::write(result.join("tree/data/more"), "").unwrap(),
        |result| fs::write(result.join("key"), "").unwrap(),
        |result| {
            let key = result.join("key");
            fs::remove_file(&key).unwrap();
            let made = Command::new("mkfifo").arg(&key).status();
            assert!(made.unwrap().success());
        },
        |result| fs::write(result.join("tree/data/postmaster.pid"), "1\n").unwrap(),
    ];
    assert_eq!(cached.start(), "7\n");
    for (number, damage) in damages.into_iter().enumerate() {
        damage(&cached.results()[0]);
        let before = cached.runs();
        let show = cached.with("SHOW", "cat data/seven; ls data | grep -c e");
        for _ in 0..3 {
            assert_eq!(show.start(), "7\n2\n", "damage {number}");
        }
        // The start that finds the damage may run the command for itself.
        let runs = cached.runs() - before;
        assert!((1..=2).contains(&runs), "damage {number}: {runs}");
    }
}

#[test]
fn what_leads_out_of_its_tree_is_not_kept() {
    for (name, more) in [
        ("an absolute link", "ln -s /etc {dir}/data/out"),
        ("a link upwards", "ln -s ../../x {dir}/data/out"),
        ("a pipe", "mkfifo {dir}/data/out"),
        ("two names", "ln {dir}/data/seven {dir}/data/out"),
        ("a server's mark", "touch {dir}/data/postmaster.pid"),
    ] {
        let cached = Cached::new(&format!("{MAKE}; {more}"));
        let cached = cached.with("SHOW", "ls data | wc -l");
        for _ in 0..3 {
            assert_eq!(cached.start(), "4\n", "{name}");
        }
        // The first start tries, and each one runs the command for itself.
        assert_eq!(cached.runs(), 4, "{name}");
        let kept = cached.results();
        assert!(kept.iter().all(|it| !it.join("tree").exists()), "{name}");
    }
}

#[test]
fn a_command_that_fails_is_told_with_the_private_directory() {
    let error = SimpleExecutor::new("sleep 1000")
        .named("fails-once")
        .before_once(["sh", "-c", "echo bad in {dir}; exit 4"])
        .start()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("which runs before it, exited with code 4"),
        "{error}"
    );
    assert!(error.contains("/fails-once; exit 4"), "{error}");
    assert!(error.contains("\n  it said   bad in /"), "{error}");
    assert!(!error.contains("-cache/"), "{error}");
}

#[test]
fn what_nobody_uses_goes_after_a_week() {
    let cached = Cached::new(MAKE);
    cached.start();
    let [result] = &cached.results()[..] else {
        panic!("one result");
    };
    let base = result.parent().unwrap();
    let age = |path: &Path, days: u64| {
        let date = format!("{days} days ago");
        let touched = Command::new("touch").args(["-d", &date]).arg(path).status();
        assert!(touched.unwrap().success());
    };
    let other = cached.with("TZ", "Asia/Tokyo");
    age(&result.join("key"), 6);
    age(&base.join(".tidied"), 2);
    other.start();
    assert_eq!(cached.results().len(), 2);
    age(&result.join("key"), 8);
    age(&base.join(".tidied"), 2);
    other.start();
    assert!(!result.exists());
    assert_eq!((cached.results().len(), cached.runs()), (1, 2));
}

#[test]
fn of_another_user_it_belongs_to_that_user() {
    needs!(root);
    let cached = Cached::new(&format!("{MAKE}; id -u > {{dir}}/who"));
    let cached = cached.with("AS_NOBODY", "1");
    let cached = cached.with("SHOW", "cat who; find . -printf '%U\n' | sort -u");
    cached.with("RECORD", "/dev/null").start();
    let record = cached.dir.file("record");
    fs::write(&record, "").unwrap();
    std::os::unix::fs::chown(&record, Some(65534), None).unwrap();
    let cached = cached.with("RECORD", &record);
    for _ in 0..2 {
        assert_eq!(cached.start(), "65534\n65534\n");
    }
    assert_eq!(cached.runs(), 1);
    for result in cached.results() {
        assert_eq!(fs::metadata(result.join("tree/data")).unwrap().uid(), 65534);
        assert_eq!(fs::metadata(result.join("key")).unwrap().uid(), 65534);
    }
}
