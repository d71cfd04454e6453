use summon::summon;

#[summon(tcp = "redis-server --port 0", port = 0)]
fn zero() {}

#[summon(tcp = "redis-server --port 70000", port = 70000u32)]
fn too_large() {}

#[summon(udp = "dnsmasq -k -p 53", port = -53)]
fn negative() {}

fn main() {}
