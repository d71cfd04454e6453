use summon::summon;

#[summon(simple = "mkdir -p data && my-server")]
fn command() {}

#[summon(output = "my-server 2>&1", banner = "up")]
fn redirection() {}

#[summon(
    exec = "my-server",
    probe = "my-ping | grep PONG",
    before = "mkdir a; touch b",
    before = ["touch", "&&"],
    stop_command = "my-stop > /dev/null",
    after_stop = "rm -r a || true",
)]
fn others() {}

#[summon::fixture(tcp = "my-server --port {port} &")]
static SERVER: summon::Fixture;

#[summon(simple = "my-server;true")]
#[summon(simple = "my-server --pid $(cat pid)")]
#[summon(simple = "my-other >\"a b\"")]
fn programs() {}

#[summon(simple = "my-server 'a && b' \"> c\" \\| x&y --filter=a;b c|d %s;\\n $(e) *.txt", before = "sh -c 'a && b > c'")]
fn text() {}

#[summon(simple = "mkdir -p data && my-server", shell = true)]
fn for_a_shell() {}

fn main() {}
