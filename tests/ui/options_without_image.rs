use summon::summon;

#[summon(tcp = "redis-server --port {port}", entrypoint = "sh")]
fn with_an_entry_point() {}

#[summon(tcp = "redis-server --port {port}", mount("{dir}/data", "/data"))]
fn with_a_mount() {}

#[summon(tcp = "redis-server --port {port}", init = true, platform = "linux/amd64")]
fn with_an_init_and_a_platform() {}

#[summon(tcp = "redis-server --port {port}", pull = "never", engine_args = ["--rm"])]
fn with_words_for_an_engine() {}

fn main() {}
