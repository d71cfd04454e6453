//! ZooKeeper, with the crate `zookeeper-client`.
//!
//! `servers::Zookeeper` writes the configuration. The server listens a second before it serves, and Debian's
//! prints no line, so summon asks it `srvr`. By default it would also listen for administrators
//! and for JMX on all addresses. It ends at once on SIGTERM, with code 143.

use summon::{servers::Zookeeper, summon};
use zookeeper_client::{Acls, Client, CreateMode, Error};

#[summon(executor = Zookeeper::new())]
#[tokio::test]
#[cfg_attr(not(has_zookeeper), ignore = "zookeeper is not installed")]
async fn notices_a_change(zookeeper: &Zookeeper) -> Result<(), Error> {
    let client = Client::connect(&zookeeper.url("/")).await?;
    let mode = CreateMode::Persistent.with_acls(Acls::anyone_all());
    client.create("/leader", b"lisa", &mode).await?;
    let (found, _, watcher) = client.get_and_watch_data("/leader").await?;
    assert_eq!(found, b"lisa");
    client.set_data("/leader", b"bart", None).await?;
    assert_eq!(watcher.changed().await.path, "/leader");
    Ok(())
}
