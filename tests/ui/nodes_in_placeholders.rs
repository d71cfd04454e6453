use summon::summon;

#[summon(simple = "node {index}")]
fn index_of_a_process() {}

#[summon(simple = "node --peers {peers:raft}")]
fn peers_of_a_process() {}

#[summon(simple = "node {indexes} {index:a}", nodes = 3)]
fn unknown_word() {}

#[summon(output = "node {peers}", banner = r"port (?<port>\d+)", nodes = 3)]
fn learned_later() {}

#[summon(simple = "node", nodes = 3)]
#[summon(simple = "api {node.port} {node.peer} {node-0.indexes}")]
fn words_of_a_cluster() {}

#[summon(simple = "node", nodes = 3)]
#[summon(simple = "api {node-3.port}", after = "node-4")]
fn no_such_node() {}

#[summon(simple = "node", nodes = 3)]
#[summon(simple = "api {db.peers} {api.others}")]
#[summon(simple = "sleep", name = "db")]
fn peers_of_another() {}

#[summon(simple = "node {port:raft} {peers:rfat}", nodes = 3)]
#[summon(simple = "api {node.peers:rfat} {node-0.others:rfat}")]
fn label_of_no_port() {}

#[summon(simple = "node {api.port}", nodes = 3)]
#[summon(simple = "api {node-2.port}")]
fn circle() {}

fn main() {}
