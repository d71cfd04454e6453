//! The files of a program exist before any command runs, with their placeholders filled in.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::Command;

use summon::{
    Contents, OutputCoordinatedExecutor, Process, SimpleExecutor, Stdin, orchestrated, summon,
};

use crate::needs::needs;
use crate::support::{ACTOR, OWNER, TempDir, eventually};
use crate::tree::Owner;

const CONFIG: &str = r#"{"listen": {port}, "admin": {port:admin}, "db": "{db.host}:{db.port}"}"#;

#[summon(
    output = ["sh", "-c", "cat conf.d/api.json; exec sleep 100"],
    banner = r#""listen": (?<port>\d+)"#,
    current_dir = "{dir}",
    with_file("conf.d/api.json", concat!(r#"{"listen": 7, "db": {db.port}, "{{name}": 1}"#, "\n")),
)]
#[summon(simple = "sleep 100")]
#[test]
fn have_their_placeholders_filled_in(api: &Process, db: &Process) {
    let expected = format!(
        "{{\"listen\": 7, \"db\": {}, \"{{name}}\": 1}}\n",
        db.port()
    );
    assert_eq!(String::from_utf8_lossy(&api.output()), expected);
    let found = fs::metadata(api.dir().join("conf.d/api.json")).unwrap();
    assert_eq!(found.mode() & 0o777, 0o600);
}

#[test]
fn order_a_set() {
    let db = SimpleExecutor::new("sleep 100").named("db");
    let api = SimpleExecutor::new("sleep 100")
        .named("api")
        .with_file("api.json", CONFIG);
    let _scope = orchestrated((&api, &db)).unwrap();
    let found = fs::read_to_string(api.dir().join("api.json")).unwrap();
    let (own, admin) = (api.port(), api.port_named("admin"));
    let db = format!("localhost:{}", db.port());
    assert_eq!(
        found,
        format!(r#"{{"listen": {own}, "admin": {admin}, "db": "{db}"}}"#)
    );
}

#[test]
fn are_there_for_commands_that_come_before_and_as_input() {
    let reader = OutputCoordinatedExecutor::new("cat", "^both$")
        .with_file("one", "bo")
        .with_file("./in/two", "th\n")
        .before("sh -c 'cat {dir}/in/two >>{dir}/one'")
        .stdin(Stdin::file("{dir}/in/two"))
        .named("reader");
    // The program reads the file that existed before the command ran.
    let error = reader.start().unwrap_err().to_string();
    assert!(error.contains("| th"), "{error}");
    let one = fs::read_to_string(reader.dir().join("one")).unwrap();
    assert_eq!(one, "both\n");
}

#[test]
fn are_not_written_again_at_a_restart() {
    let server = OutputCoordinatedExecutor::new("sh -c 'cat {dir}/says; exec sleep 100'", "^up")
        .with_file("says", "up\n");
    server.start().unwrap();
    fs::write(server.dir().join("says"), "up again\n").unwrap();
    server.restart().unwrap();
    server.wait_for_output("^up again$", "5s").unwrap();
}

#[test]
fn replace_a_link_instead_of_following_it() {
    let elsewhere = TempDir::new();
    let target = elsewhere.path().join("target");
    fs::write(&target, "not ours").unwrap();
    let server = SimpleExecutor::new("sleep 100").with_file("config", "ours");
    symlink(&target, server.dir().join("config")).unwrap();
    server.start().unwrap();
    assert_eq!(fs::read_to_string(&target).unwrap(), "not ours");
    assert_eq!(
        fs::read_to_string(server.dir().join("config")).unwrap(),
        "ours"
    );
    // summon does not follow a link in place of a directory either.
    let server = SimpleExecutor::new("sleep 100").with_file("conf.d/config", "ours");
    symlink(elsewhere.path(), server.dir().join("conf.d")).unwrap();
    let error = server.start().unwrap_err().to_string();
    assert!(
        error.contains("its file `conf.d/config` can't be written: "),
        "{error}"
    );
    assert!(!elsewhere.path().join("config").exists());
}

#[test]
fn are_below_the_private_directory() {
    for name in ["../config", "/tmp/config", "a/../../config", "", "."] {
        let server = SimpleExecutor::new("sleep 100").with_file(name, "text");
        let error = server.start().unwrap_err().to_string();
        let expected = format!("its file `{name}` can't be written: ");
        assert!(error.contains(&expected), "{error}");
    }
}

#[test]
fn name_only_what_is_known() {
    let server = SimpleExecutor::new("sleep 100").with_file("config", "{redis.port}");
    let error = server.start().unwrap_err().to_string();
    assert!(error.contains("{redis.port}"), "{error}");
}

#[test]
fn belong_to_the_user_of_the_program() {
    needs!(root);
    let reads =
        "sh -c 'cat {dir}/conf.d/one && echo >>{dir}/conf.d/one && echo up; exec sleep 100'";
    let server = OutputCoordinatedExecutor::new(reads, "^up$")
        .with_file("conf.d/one", "text\n")
        .user("nobody");
    server.start().unwrap();
    for name in ["conf.d", "conf.d/one"] {
        let found = fs::metadata(server.dir().join(name)).unwrap();
        assert_eq!(found.uid(), fs::metadata(server.dir()).unwrap().uid());
    }
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

#[summon(
    simple = "sleep 100",
    with_file("www/index.html", Contents::new("port {port}").mode(0o664)),
    with_file("secret", "none of yours"),
    with_dir("spool/mail", 0o1777),
    with_dir("www/img", 0o770),
    dir_mode = 0o777,
)]
#[test]
fn have_the_mode_that_is_set(server: &Process) {
    // The umask does not change the modes.
    for (name, expected) in [
        (".", 0o777),
        ("www", 0o777),
        ("www/index.html", 0o664),
        ("secret", 0o600),
        ("spool", 0o777),
        ("spool/mail", 0o1777),
        ("www/img", 0o770),
    ] {
        assert_eq!(mode(&server.dir().join(name)), expected, "{name}");
    }
    let text = fs::read_to_string(server.dir().join("www/index.html")).unwrap();
    assert_eq!(text, format!("port {}", server.port()));
    // Other users may traverse the parent directory, but not list it.
    let open = server.dir().parent().unwrap();
    assert_eq!(mode(open), 0o711);
    // Other users can't read the logs.
    let private = open.to_str().unwrap().strip_suffix("-open").unwrap();
    assert_eq!(mode(Path::new(private)), 0o700);
}

#[test]
fn have_no_mode_that_is_decimal() {
    let server = || SimpleExecutor::new("sleep 100").named("server");
    for (server, expected) in [
        (
            server().with_file("a.conf", Contents::new("").mode(644)),
            "its file `a.conf` can't be written: `644` (octal `0o1204`) is not a valid mode; write it in octal, such as `0o644`",
        ),
        (
            server().with_dir("spool", 755),
            "its directory `spool` can't be made: `755` (octal `0o1363`) is not a valid mode",
        ),
        (server().dir_mode(755), "`dir_mode`: `755` (octal `0o1363`)"),
    ] {
        let error = server.start().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn are_for_a_program_that_drops_root_by_itself() {
    needs!(root);
    let dropped = "setpriv --reuid=61009 --regid=61009 --clear-groups";
    let script = "cat {dir}/www/index.html; cat {dir}/secret; ls {dir}/..; echo >{dir}/spool/one; \
                  echo up; exec sleep 1000";
    let server = OutputCoordinatedExecutor::new(format!("{dropped} sh -c '{script}'"), "^up$")
        .shell(true)
        .with_file("www/index.html", Contents::new("for all\n").mode(0o644))
        .with_file("secret", "for root\n")
        .with_dir("spool", 0o1777)
        .dir_mode(0o755);
    server.start().unwrap();
    let said = String::from_utf8(server.output()).unwrap();
    assert!(said.contains("for all\n"), "{said}");
    assert!(!said.contains("for root"), "{said}");
    // Other users can't list the names of the neighbouring directories either.
    assert_eq!(said.matches("Permission denied").count(), 2, "{said}");
    let written = fs::metadata(server.dir().join("spool/one")).unwrap();
    assert_eq!(written.uid(), 61009);
    let dir = server.dir().to_owned();
    drop(server);
    assert!(!dir.exists());
}

#[test]
fn are_open_to_others_and_belong_to_the_user_of_the_program() {
    needs!(root);
    let server = SimpleExecutor::new("sleep 100")
        .user("nobody")
        .dir_mode(0o755)
        .with_dir("a/b", 0o750);
    server.start().unwrap();
    for (name, expected) in [(".", 0o755), ("a", 0o755), ("a/b", 0o750)] {
        let path = server.dir().join(name);
        let found = fs::metadata(&path).unwrap();
        assert_eq!((found.uid(), mode(&path)), (65534, expected), "{name}");
    }
}

#[test]
fn that_are_open_to_others_go_when_the_test_is_killed() {
    let owner = Owner::from(Command::new(OWNER).args(["open", "wait", ACTOR]));
    assert_eq!(mode(&owner.dir), 0o755);
    owner.signal(libc::SIGKILL, false);
    eventually("its files are removed", || !owner.dir.exists());
}
