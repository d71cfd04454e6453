//! Types without values, which make the executor of each server a distinct type.
//!
//! A user names the executor, such as [`Redis`](super::Redis), and never these types. So they are
//! public in a private module.

macro_rules! markers {
    ($($server:ident),*) => {$(
        #[derive(Debug)]
        #[doc(hidden)]
        pub enum $server {}
    )*};
}

markers!(
    Etcd, Mariadb, Memcached, Mosquitto, Moto, Nats, Nginx, Postgres, Rabbitmq, Redis, Zookeeper
);
