use summon::{Cluster, Fixture, Process, summon};

#[summon(simple = "sleep 1", nodes = 3)]
fn cluster(nodes: &Process) {}

#[summon(simple = "sleep 1", nodes = 3)]
fn slice(nodes: &[Process]) {}

#[summon(simple = "sleep 1")]
fn process(node: &Cluster) {}

#[summon(simple = "sleep 1")]
#[summon(simple = "sleep 2", name = "other", nodes = 3)]
fn changed(one: &Cluster, two: &Cluster) {}

#[summon::fixture(simple = "sleep 1", nodes = 3)]
static NODES: Fixture<Cluster>;

fn main() {}
