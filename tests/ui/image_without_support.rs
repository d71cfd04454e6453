use summon::summon;

#[summon(image = "redis:7", tcp, port = 6379, stop_command = "redis-cli shutdown")]
fn with_a_command_to_stop() {}

#[summon(image = "redis:7", tcp = "a && b", port = 6379)]
fn with_syntax_of_a_shell() {}

#[summon(image = "redis:7", tcp, port = 6379, shell = true)]
fn with_a_shell() {}

#[summon(image = "redis:7", tcp, port = 6379, env_remove("HOME"))]
fn without_a_variable() {}

#[summon(image = "redis:7", tcp, port = 6379, umask = 0o022, nice = 5)]
fn with_attributes_of_a_process() {}

#[summon(image = "redis:7", tcp, port = 6379, daemon = true)]
fn with_a_daemon() {}

#[summon(image = "redis:7", tcp, listen_fd = true)]
fn with_a_socket_of_this_machine() {}

#[summon(image = "redis:7", tcp, port = 6379, reuse = true)]
fn with_the_server_of_another() {}

#[summon(image = "redis:7", tcp, port = 6379, before_once = "true", after_stop = "true")]
fn with_commands_of_this_machine() {}

#[summon(image = "redis:7", tcp, port = 6379, signal_only_leader = true)]
fn with_a_leader() {}

#[summon(image = "etcd:3", tcp = "--peers {peers}", nodes = 3)]
fn with_several_nodes() {}

#[summon(image = "redis:7", tcp, bin = "my-redis")]
fn with_a_program_of_the_package() {}

#[summon(image = "redis:7", unix = "--unixsocket /tmp/s", socket = "/tmp/s")]
fn with_a_socket_that_is_not_shared() {}

#[summon(image = "redis:7", file, path = "/run/redis.pid")]
fn with_a_file_that_is_not_shared() {}

#[summon(image = "dns:1", udp, port = 53, link = true)]
fn with_a_link_to_udp() {}

#[summon(image = "redis:7", output)]
fn without_a_banner() {}

#[summon(image = "redis:7", exec)]
fn without_a_probe() {}

#[summon(image = "redis:7", tcp, port = 6379)]
fn right() {}

#[summon(image = "redis:7", unix, socket = "/tmp/redis/s", mount("/tmp/redis", "/tmp/redis"))]
fn right_with_a_mount() {}

fn main() {}
