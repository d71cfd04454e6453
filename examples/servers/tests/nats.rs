//! NATS, with the crate `async-nats`.
//!
//! `servers::Nats` sets the flags: loopback, and a directory for streams. NATS listens before its
//! streams are set up, so summon waits for its ready line. It ends on SIGINT. SIGTERM makes it exit
//! with code 1.

use std::time::Duration;

use futures_util::StreamExt;
use summon::{servers::Nats, summon};
use tokio::time::timeout;

#[summon(executor = Nats::new())]
#[tokio::test]
#[cfg_attr(not(has_nats), ignore = "no nats-server here")]
async fn delivers(nats: &Nats) -> Result<(), async_nats::Error> {
    let client = async_nats::connect(nats.url("/")).await?;
    let mut letters = client.subscribe("letters.*").await?;
    client.publish("letters.lisa", "hello".into()).await?;
    let letter = letters.next().await.unwrap();
    assert_eq!(&*letter.subject, "letters.lisa");
    assert_eq!(&*letter.payload, b"hello");
    Ok(())
}

/// Breaks the connection on purpose: the client reconnects, and still has its subscription.
#[summon(executor = Nats::new())]
#[tokio::test]
#[cfg_attr(not(has_nats), ignore = "no nats-server here")]
async fn delivers_again_after_a_restart(nats: &Nats) -> Result<(), async_nats::Error> {
    let client = async_nats::connect(nats.url("/")).await?;
    let mut letters = client.subscribe("letters").await?;
    client.flush().await?;
    nats.restart().unwrap();
    // Messages are lost until the client is back, so the sender repeats them until one arrives.
    let sender = async_nats::connect(nats.url("/")).await?;
    let letter = loop {
        sender.publish("letters", "hello".into()).await?;
        if let Ok(letter) = timeout(Duration::from_millis(100), letters.next()).await {
            break letter.unwrap();
        }
    };
    assert_eq!(&*letter.payload, b"hello");
    Ok(())
}
