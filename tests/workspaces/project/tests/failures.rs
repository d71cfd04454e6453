//! Tests that fail, each in a different way. `tests/it/reports.rs` runs them, and compares their
//! messages with `tests/it/reports/*.txt`.

mod common;

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use common::{actor, env};
use summon::{
    Coordinated, Fixture, HttpCoordinatedExecutor, OutputCoordinatedExecutor, Process, SimpleExecutor,
    TcpCoordinatedExecutor, orchestrated, probe, summon,
};

/// How long a start may take. Where a report differs, `tests/it/reports.rs` runs the tests again with more.
fn limit() -> String {
    std::env::var("START_LIMIT").unwrap_or("300ms".to_owned())
}

fn tcp(script: &str) -> TcpCoordinatedExecutor {
    TcpCoordinatedExecutor::new(actor(script), "127.0.0.1", 0).named("server").timeout(limit())
}

fn output(script: &str, banner: &str) -> OutputCoordinatedExecutor {
    OutputCoordinatedExecutor::new(actor(script), banner).named("server").timeout(limit())
}

fn http(script: &str) -> HttpCoordinatedExecutor {
    let url = "http://127.0.0.1:{port}/health";
    HttpCoordinatedExecutor::new(actor(script), url).named("server").timeout(limit())
}

/// Makes a file with a content and a mode in the directory of the process.
fn file(process: &Process, content: &str, mode: u32) {
    let path = process.dir().join("program");
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[summon(tcp = "redis-server --port {port}", env("PATH", "/nowhere"))]
#[test]
fn missing_program(_redis: &Process) {}

#[test]
fn missing_interpreter() {
    let server = SimpleExecutor::new(["{dir}/program"]).named("server");
    file(&server, "#!/no/such/interpreter -x\n", 0o700);
    server.start().unwrap();
}

#[test]
fn not_executable() {
    let server = SimpleExecutor::new(["{dir}/program"]).named("server");
    file(&server, "echo up\n", 0o600);
    server.start().unwrap();
}

#[test]
fn missing_relative_program() {
    SimpleExecutor::new("./target/my-server").start().unwrap();
}

#[summon(simple = "sleep 100", current_dir = "/no/such/directory")]
#[test]
fn missing_directory(_sleeper: &Process) {}

#[test]
fn exits() {
    tcp("say starting boot 30 complain no-disk exit 3").start().unwrap();
}

#[test]
fn exits_with_success() {
    tcp("boot 30 say done exit 0").start().unwrap();
}

#[test]
fn forks_away() {
    tcp("boot 30 daemon wait say forked exit 0").start().unwrap();
}

#[test]
fn aborts() {
    tcp("boot 30 say about-to-abort abort").start().unwrap();
}

#[test]
fn is_killed() {
    TcpCoordinatedExecutor::new("sleep 0.03; kill -KILL $$", "127.0.0.1", 0).named("server").shell(true).start().unwrap();
}

#[test]
fn never_listens() {
    tcp("say booting wait").start().unwrap();
}

#[test]
fn listens_on_another_port() {
    tcp("listen 127.0.0.1:{port:other}").start().unwrap();
}

#[test]
fn listens_on_another_address() {
    tcp("listen 127.0.0.2:{port}").start().unwrap();
}

#[test]
fn a_stranger_listens() {
    let server = tcp("wait");
    let stranger = ["listen".to_owned(), format!("127.0.0.1:{}", server.port()), "say".to_owned(), "up".to_owned()];
    let _stranger = Stranger::new(&stranger);
    server.start().unwrap();
}

/// A server that summon knows nothing of.
struct Stranger(std::process::Child);

impl Stranger {
    fn new(script: &[String]) -> Stranger {
        let mut command = std::process::Command::new(env("ACTOR"));
        let mut child = command.args(script).stdout(std::process::Stdio::piped()).spawn().unwrap();
        let mut up = [0; 3];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut up).unwrap();
        Stranger(child)
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_test_itself_listens() {
    let server = tcp("wait");
    let _own = TcpListener::bind(("127.0.0.1", server.port())).unwrap();
    server.start().unwrap();
}

#[test]
fn a_fixed_port_is_busy() {
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = stranger.local_addr().unwrap().port();
    TcpCoordinatedExecutor::new("sleep 100", "127.0.0.1", port).start().unwrap();
}

#[test]
fn it_says_that_its_port_is_busy() {
    let words = [&*env("ACTOR"), "complain", "bind: Address already in use (os error 98)", "exit", "1"];
    let server = OutputCoordinatedExecutor::new(words.map(str::to_owned), "up").named("server");
    let _stranger = TcpListener::bind(("127.0.0.1", server.port())).unwrap();
    server.start().unwrap();
}

#[test]
fn http_answers_404() {
    http("quiet http 127.0.0.1:{port} 404").start().unwrap();
}

#[test]
fn http_answers_503() {
    http("quiet http 127.0.0.1:{port} 503").start().unwrap();
}

#[test]
fn http_answers_something_else() {
    http("quiet chat 127.0.0.1:{port}").start().unwrap();
}

#[test]
fn http_never_answers() {
    http("mute 127.0.0.1:{port}").start().unwrap();
}

#[test]
fn a_banner_is_nearly_there() {
    let words = [&*env("ACTOR"), "say", "Ready to accept connections tcp", "say", "bye"].map(str::to_owned);
    OutputCoordinatedExecutor::new(words, "ready to accept connections$").named("server").timeout(limit()).start().unwrap();
}

#[test]
fn a_banner_never_comes() {
    output("flood 3000", "^listening on").start().unwrap();
}

#[test]
fn a_banner_comes_too_seldom() {
    output("say ready say ready", "^ready$").times(3).start().unwrap();
}

#[test]
fn a_program_keeps_its_output() {
    output("wait", "up").start().unwrap();
}

#[test]
fn python_keeps_its_output() {
    let server = OutputCoordinatedExecutor::new(["{dir}/python3", "wait"], "up").named("server").timeout(limit());
    std::os::unix::fs::symlink(env("ACTOR"), server.dir().join("python3")).unwrap();
    server.start().unwrap();
}

#[test]
fn a_line_has_colours() {
    let words = [&*env("ACTOR"), "say", "\x1b[32mReady to accept\x1b[0m connections", "wait"].map(str::to_owned);
    OutputCoordinatedExecutor::new(words, "ready to accept connections").named("server").timeout(limit()).start().unwrap();
}

#[test]
fn it_ends_with_its_input() {
    OutputCoordinatedExecutor::new("cat", "up").start().unwrap();
}

#[test]
fn a_variable_is_not_expanded() {
    let command = format!("{} listen 127.0.0.1:{{port:other}} args --port $PORT", env("ACTOR"));
    TcpCoordinatedExecutor::new(command, "127.0.0.1", 0).named("server").timeout(limit()).start().unwrap();
}

#[test]
fn a_home_is_not_expanded() {
    let command = format!("{} exit 0 -D ~/data", env("ACTOR"));
    OutputCoordinatedExecutor::new(command, "up").named("server").start().unwrap();
}

#[test]
fn a_pattern_of_files_is_not_expanded() {
    OutputCoordinatedExecutor::new("cat no-such/*.conf", "up").start().unwrap();
}

#[test]
fn a_shell_and_its_socket() {
    let script = "true; sleep 1000; echo never";
    let server = OutputCoordinatedExecutor::new(script, "up").named("server").shell(true).listen_fd(true);
    server.timeout(limit()).start().unwrap();
}

#[test]
fn a_script_has_the_line_ends_of_windows() {
    let server = SimpleExecutor::new(["{dir}/program"]).named("server");
    file(&server, "#!/bin/sh\r\necho up\r\n", 0o700);
    server.start().unwrap();
}

#[test]
fn a_text_is_no_program() {
    let server = SimpleExecutor::new(["{dir}/program"]).named("server");
    file(&server, "touch {dir}/run-by-a-shell\n", 0o700);
    let started = server.start();
    assert!(!server.dir().join("run-by-a-shell").exists());
    started.unwrap();
}

#[test]
fn a_line_means_failure() {
    let words = [&*env("ACTOR"), "boot", "30", "complain", "FATAL: role \"lisa\" does not exist", "wait"].map(str::to_owned);
    TcpCoordinatedExecutor::new(words, "127.0.0.1", 0).named("server").unless("^FATAL").start().unwrap();
}

#[test]
fn no_unix_socket() {
    Coordinated::with(actor("wait"), probe::unix("{dir}/socket")).named("server").timeout(limit()).start().unwrap();
}

#[test]
fn no_file() {
    Coordinated::with(actor("wait"), probe::file("{dir}/pid")).named("server").timeout(limit()).start().unwrap();
}

#[test]
fn does_not_notify() {
    let words = [&*env("ACTOR"), "notify", "STATUS=replaying the log, 40 %", "wait"].map(str::to_owned);
    Coordinated::with(words, probe::notify()).named("server").timeout(limit()).start().unwrap();
}

#[test]
fn a_command_fails() {
    let check = ["sh", "-c", "echo {name}:{port} - no response >&2; exit 2"];
    Coordinated::with(actor("wait"), probe::exec(check)).named("server").timeout(limit()).start().unwrap();
}

#[test]
fn a_command_is_missing() {
    let check = "no-such-program --ready";
    Coordinated::with(actor("wait"), probe::exec(check)).named("server").start().unwrap();
}

#[test]
fn several_probes() {
    tcp("listen 127.0.0.1:{port}")
        .and(probe::any((probe::output("^up$"), probe::file("{dir}/up"))))
        .and(probe::http("http://127.0.0.1:{port}/"))
        .start()
        .unwrap();
}

#[test]
fn a_shell_finds_no_program() {
    OutputCoordinatedExecutor::new("no-such-program --fast", "up").named("server").shell(true).start().unwrap();
}

#[test]
fn a_shell_waits_for_the_program() {
    TcpCoordinatedExecutor::new("sleep 1000; echo never", "127.0.0.1", 0)
        .named("server")
        .shell(true)
        .timeout(limit())
        .start()
        .unwrap();
}

#[test]
fn a_placeholder_is_unknown() {
    SimpleExecutor::new("sleep {prot}").start().unwrap();
}

#[test]
fn another_process_is_unknown() {
    let api = SimpleExecutor::new("sleep {db.port}").named("api");
    let db = SimpleExecutor::new("sleep 100").named("database");
    drop(orchestrated((&api, &db)).unwrap());
}

#[test]
fn a_duration_is_none() {
    SimpleExecutor::new("sleep 100").timeout("fast").start().unwrap();
}

#[test]
fn one_of_a_set() {
    let db = output("say up", "up").named("db");
    let cache = output("wait", "up").named("cache").timeout("1h");
    let api = output("boot 100 complain no-table exit 1", "up").named("api").after("db");
    let web = output("say up", "up").named("web").after("api");
    drop(orchestrated((&web, &api, &cache, &db)).unwrap());
}

#[test]
fn with_an_environment() {
    tcp("boot 30 exit 1")
        .env("PORT", "{port}")
        .env("API_TOKEN", "t0ps3cret")
        .env("DATABASE_URL", "postgres://lisa:hush@localhost/db")
        .env_remove("PATH")
        .current_dir("{dir}")
        .start()
        .unwrap();
}

#[summon(output = actor("say up await {dir}/go complain a-warning"), banner = "^up$")]
#[test]
fn the_body_panics(server: &Process) {
    std::fs::write(server.dir().join("go"), "").unwrap();
    server.wait_for_output("warning", "5s").unwrap();
    assert_eq!(1 + 1, 3, "on purpose");
}

#[summon(output = actor("say up await {dir}/go complain out-of-cheese abort"), banner = "^up$")]
#[summon(simple = "sleep 1000")]
#[test]
fn the_service_dies_first(server: &Process, _: &Process) {
    std::fs::write(server.dir().join("go"), "").unwrap();
    server.wait_for_output("cheese", "5s").unwrap();
    while server.is_running() {
        std::thread::yield_now();
    }
    panic!("on purpose");
}

#[summon(output = actor("say up"), banner = "^up$")]
#[test]
fn the_body_returns_an_error(_server: &Process) -> Result<(), String> {
    Err("on purpose".to_owned())
}

#[summon(output = actor("say up"), banner = "^up$")]
#[test]
fn a_wait_is_in_vain(server: &Process) {
    server.wait_for_output("never", "100ms").unwrap();
}

#[test]
fn by_hand() {
    let server = output("say up", "^up$");
    server.start().unwrap();
    panic!("on purpose");
}

#[summon::fixture(output = actor("say up serve {dir}"), banner = "^up$")]
static SHARED: Fixture;

#[summon(fixture = SHARED)]
#[test]
fn a_fixture_wrote_meanwhile(shared: &Process) {
    std::fs::write(shared.dir().join("line"), "asked by this test\n").unwrap();
    shared.wait_for_output("asked by this test", "5s").unwrap();
    panic!("on purpose");
}

#[summon(output = actor("say up await {dir}/go exit 7"), banner = "^up$", must_live = true)]
#[test]
fn it_must_live(server: &Process) {
    end_it(server);
}

/// This test passes, with a warning.
#[summon(output = actor("say up await {dir}/go exit 7"), banner = "^up$")]
#[test]
fn dies_but_passes(server: &Process) {
    end_it(server);
}

fn end_it(server: &Process) {
    std::fs::write(server.dir().join("go"), "").unwrap();
    while server.is_running() {
        std::thread::yield_now();
    }
}

/// This test passes, and prints nothing.
#[summon(output = actor("say up"), banner = "^up$")]
#[test]
#[should_panic(expected = "on purpose")]
fn panics_on_purpose(_server: &Process) {
    panic!("on purpose");
}
