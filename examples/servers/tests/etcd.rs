//! etcd, with the crate `etcd-client`.
//!
//! `servers::Etcd` knows the flags. The second test writes them itself: etcd needs a second port for its peers,
//! `{port:peer}`, even though this one has no peers. It serves before it has elected itself, and answers `/health`
//! with 503 until then. The last two flags shorten the election. From version 3.5 on, `--unsafe-no-fsync` avoids disk
//! flushes. etcd ends on SIGTERM.

use etcd_client::{Client, Compare, CompareOp, Error, Txn, TxnOp};
use summon::{Process, servers::Etcd, summon};

#[summon(executor = Etcd::new())]
#[tokio::test]
#[cfg_attr(not(has_etcd), ignore = "etcd is not on PATH")]
async fn lets_one_win(etcd: &Etcd) -> Result<(), Error> {
    let mut client = Client::connect([etcd.url("")], None).await?;
    let mut win = async |name: &str| {
        let is_free = Compare::create_revision("leader", CompareOp::Equal, 0);
        let take = TxnOp::put("leader", name, None);
        let answer = client
            .txn(Txn::new().when([is_free]).and_then([take]))
            .await?;
        Ok::<_, Error>(answer.succeeded())
    };
    assert!(win("lisa").await?);
    assert!(!win("bart").await?);
    Ok(())
}

const ETCD: &str = "etcd --data-dir {dir}/data
    --listen-client-urls http://127.0.0.1:{port}
    --advertise-client-urls http://127.0.0.1:{port}
    --listen-peer-urls http://127.0.0.1:{port:peer}
    --initial-advertise-peer-urls http://127.0.0.1:{port:peer}
    --initial-cluster default=http://127.0.0.1:{port:peer}
    --heartbeat-interval 10 --election-timeout 100";

#[summon(http = ETCD, path = "/health")]
#[tokio::test]
#[cfg_attr(not(has_etcd), ignore = "etcd is not on PATH")]
async fn comes_back_with_its_data(etcd: &Process) -> Result<(), Error> {
    let mut client = Client::connect([etcd.url("")], None).await?;
    client.put("name", "Lisa", None).await?;
    etcd.restart().unwrap();
    let mut client = Client::connect([etcd.url("")], None).await?;
    let found = client.get("name", None).await?;
    assert_eq!(found.kvs()[0].value_str()?, "Lisa");
    Ok(())
}
