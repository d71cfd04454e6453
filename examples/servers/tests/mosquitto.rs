//! Mosquitto, with the crate `rumqttc`.
//!
//! `servers::Mosquitto` runs it without a configuration file: then version 2 serves all clients on loopback
//! and none elsewhere, which suits tests. As root, it becomes the user `mosquitto`, which can't write to the private
//! directory. If it must store data, set `user root` in its configuration. It ends at once on
//! SIGTERM.

use rumqttc::{Client, Connection, Event, MqttOptions, Packet, QoS};
use summon::{Process, servers::Mosquitto, summon};

fn connect(broker: &Process, name: &str) -> (Client, Connection) {
    let options = MqttOptions::new(name, "127.0.0.1", broker.port());
    Client::new(options, 10)
}

#[summon(executor = Mosquitto::new())]
#[test]
#[cfg_attr(not(has_mosquitto), ignore = "mosquitto is not installed")]
fn delivers(broker: &Mosquitto) -> Result<(), rumqttc::ClientError> {
    let (client, mut connection) = connect(broker, "lisa");
    client.subscribe("letters/#", QoS::AtLeastOnce)?;
    client.publish("letters/lisa", QoS::AtLeastOnce, false, "hello")?;
    for event in connection.iter() {
        if let Event::Incoming(Packet::Publish(letter)) = event.unwrap() {
            assert_eq!(letter.topic, "letters/lisa");
            assert_eq!(&*letter.payload, b"hello");
            return Ok(());
        }
    }
    unreachable!("it reads on until there is an error");
}

/// A server with a configuration file. This configuration refuses clients without a password.
#[summon(
    tcp = "mosquitto -c {dir}/mosquitto.conf",
    host = "127.0.0.1",
    with_file("mosquitto.conf", "listener {port} 127.0.0.1\nallow_anonymous false\n")
)]
#[test]
#[cfg_attr(not(has_mosquitto), ignore = "mosquitto is not on PATH")]
fn refuses_strangers(broker: &Process) {
    let (_client, mut connection) = connect(broker, "lisa");
    let refused = connection.recv().unwrap().unwrap_err();
    let expected = rumqttc::ConnectReturnCode::NotAuthorized;
    assert!(matches!(refused, rumqttc::ConnectionError::ConnectionRefused(it) if it == expected));
}
