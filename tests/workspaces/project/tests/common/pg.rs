//! A PostgreSQL for the whole run, with one migration. Each test has a separate database.

use std::process::Command;

use summon::{Error, Executor, Fixture, OutputCoordinatedExecutor, Process, Signal};

use crate::common::{env, record};

#[summon::fixture(executor = Postgres::new(), scope = "run", setup = migrate)]
pub static POSTGRES: Fixture;

pub struct Postgres {
    server: OutputCoordinatedExecutor,
}

impl Postgres {
    fn new() -> Postgres {
        // PostgreSQL listens for a while before it accepts clients.
        let banner = "database system is ready to accept connections";
        let server = OutputCoordinatedExecutor::new(command("postgres"), banner)
            .args(["-D", "{dir}/data", "-k", "", "-h", "127.0.0.1", "-p", "{port}", "-c", "fsync=off"])
            .stop_signal(Signal::INT);
        Postgres { server }
    }
}

impl Executor for Postgres {
    fn start(&self) -> Result<(), Error> {
        record("initdb");
        let command = command("initdb");
        let init = Command::new(&command[0])
            .args(&command[1..])
            .args(["--username=lisa", "--auth=trust", "--no-sync", "-D"])
            .arg(self.server.dir().join("data"))
            .current_dir("/")
            .output()
            .map_err(Error::other)?;
        if !init.status.success() {
            return Err(Error::other(String::from_utf8_lossy(&init.stderr)));
        }
        self.server.start()
    }

    fn stop(&self) -> Result<(), Error> {
        self.server.stop()
    }

    fn process(&self) -> Option<&Process> {
        Some(&self.server)
    }
}

/// PostgreSQL refuses to run as root, so root runs it as the package's user. This user may enter
/// root's private directories.
fn command(program: &str) -> Vec<String> {
    let mut command: Vec<String> = Vec::new();
    if std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0 {
        let drop_root = "setpriv --reuid=postgres --regid=postgres --clear-groups \
                         --inh-caps=+dac_override --ambient-caps=+dac_override";
        command.extend(drop_root.split_whitespace().map(str::to_owned));
    }
    command.push(find(program));
    command
}

/// Finds a program, because Debian keeps these programs outside PATH.
fn find(program: &str) -> String {
    let path = std::env::var_os("PATH").unwrap();
    let on_path = std::env::split_paths(&path).map(|dir| dir.join(program));
    let hidden = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let hidden = hidden.flatten().map(|version| version.path().join("bin").join(program));
    let found = on_path.chain(hidden).find(|program| program.exists());
    found.unwrap().to_str().unwrap().to_owned()
}

fn migrate(postgres: &Process) -> Result<(), String> {
    record("migration");
    let file = std::path::Path::new(&env("RECORD")).with_file_name("postgres");
    std::fs::write(file, postgres.id().unwrap().to_string()).map_err(|error| error.to_string())?;
    psql("postgres", "CREATE TABLE names (name TEXT); INSERT INTO names VALUES ('Lisa')", postgres.port()).map(drop)
}

fn psql(database: &str, sql: &str, port: u16) -> Result<String, String> {
    let output = Command::new(find("psql"))
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-U", "lisa", "-X", "-A", "-t"])
        .args(["-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql])
        .output()
        .map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// Copies the migrated database under a new name, uses the copy, and checks it.
pub fn use_database(name: &str) {
    let port = POSTGRES.port();
    // PostgreSQL makes one copy at a time: a template must have no other user.
    let made = (0..600).find_map(|_| match psql("template1", &format!("CREATE DATABASE {name} TEMPLATE postgres"), port) {
        Ok(_) => Some(()),
        Err(error) if error.contains("is being accessed by other users") => {
            std::thread::sleep(std::time::Duration::from_millis(50));
            None
        }
        Err(error) => panic!("{error}"),
    });
    made.expect("the template is free at some time");
    psql(name, &format!("INSERT INTO names VALUES ('{name}')"), port).unwrap();
    let names = psql(name, "SELECT name FROM names ORDER BY name", port).unwrap();
    assert_eq!(names, format!("Lisa\n{name}"));
}
