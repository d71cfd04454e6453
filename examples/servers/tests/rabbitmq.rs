//! RabbitMQ, with the crate `lapin`.
//!
//! `servers::Rabbitmq` sets the 13 variables that a private node needs: its name, a cookie in its home,
//! its directories, a port for other nodes, and the daemon `epmd`, which knows that port. RabbitMQ would
//! leave `epmd` running, but summon ends it with the server. The start takes 5 s or more, so the
//! tests share the server.

use futures_util::StreamExt;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Result};
use lapin::{options::*, types::FieldTable};
use summon::{Fixture, servers::Rabbitmq, summon};

#[summon::fixture(executor = Rabbitmq::new())]
static RABBITMQ: Fixture;

async fn connect() -> Result<Channel> {
    let url = RABBITMQ.url("/%2f");
    let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
    connection.create_channel().await
}

#[summon(fixture = RABBITMQ)]
#[tokio::test]
#[cfg_attr(not(has_rabbitmq), ignore = "no rabbitmq-server here")]
async fn keeps_a_letter() -> Result<()> {
    let channel = connect().await?;
    let none = FieldTable::default();
    let queue = QueueDeclareOptions {
        exclusive: true,
        ..Default::default()
    };
    channel
        .queue_declare("letters".into(), queue, none.clone())
        .await?;
    let (options, kind) = (BasicPublishOptions::default(), BasicProperties::default());
    channel
        .basic_publish("".into(), "letters".into(), options, b"hello", kind)
        .await?;
    let options = BasicConsumeOptions::default();
    let mut letters = channel
        .basic_consume("letters".into(), "lisa".into(), options, none)
        .await?;
    let letter = letters.next().await.unwrap()?;
    assert_eq!(letter.data, b"hello");
    letter.ack(BasicAckOptions::default()).await?;
    Ok(())
}

#[summon(fixture = RABBITMQ)]
#[tokio::test]
#[cfg_attr(not(has_rabbitmq), ignore = "no rabbitmq-server here")]
async fn knows_no_queue_but_those_declared() -> Result<()> {
    let channel = connect().await?;
    let error = channel
        .queue_purge("nobody".into(), QueuePurgeOptions::default())
        .await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("NOT_FOUND"), "{error}");
    Ok(())
}
