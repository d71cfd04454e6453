//! RabbitMQ, with the crate `lapin`.
//!
//! Environment variables configure RabbitMQ. Debian's script on PATH insists on the system's
//! directories, so this page runs the script behind it. RabbitMQ speaks systemd's protocol:
//! `notify` waits for its `READY=1`, and makes the script become the server. A node needs a name, a
//! cookie in its home, a port for other nodes, and the daemon `epmd`, which knows that port. Here
//! all of these are private. RabbitMQ would leave `epmd` running, but summon ends it with the
//! server. The start takes 5 s or more, so the tests share the server.

use futures_util::StreamExt;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Result};
use lapin::{options::*, types::FieldTable};
use summon::{Fixture, summon};

const NODE: [(&str, &str); 13] = [
    ("RABBITMQ_NODENAME", "rabbit-{port}@localhost"),
    ("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1"),
    ("RABBITMQ_NODE_PORT", "{port}"),
    ("RABBITMQ_DIST_PORT", "{port:nodes}"),
    (
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
        "-kernel inet_dist_use_interface {127,0,0,1}",
    ),
    ("ERL_EPMD_PORT", "{port:epmd}"),
    ("ERL_EPMD_ADDRESS", "127.0.0.1"),
    ("HOME", "{dir}"),
    ("RABBITMQ_MNESIA_BASE", "{dir}/mnesia"),
    ("RABBITMQ_LOG_BASE", "{dir}/log"),
    ("RABBITMQ_LOGS", "-"),
    ("RABBITMQ_ENABLED_PLUGINS_FILE", "{dir}/plugins"),
    // This server ignores the system's settings.
    ("RABBITMQ_CONF_ENV_FILE", "/dev/null"),
];

#[summon::fixture(
    notify = "/usr/lib/rabbitmq/bin/rabbitmq-server",
    envs(NODE),
    timeout = "2m"
)]
static RABBITMQ: Fixture;

async fn connect() -> Result<Channel> {
    let url = format!("amqp://guest:guest@127.0.0.1:{}/%2f", RABBITMQ.port());
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
