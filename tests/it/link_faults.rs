//! A link does to connections what the test says, and nothing else.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use summon::Way;

use crate::linked::{Linked, SILENCE, ends, is_reset, is_silent, noise, says};
use crate::support::eventually;

#[test]
fn a_cut_resets_connections_and_refuses_new_ones() {
    let linked = Linked::new();
    let (mut client, mut server) = linked.connect();
    linked.link.cut().unwrap();
    assert!(is_reset(&mut client) && is_reset(&mut server));
    let refused = TcpStream::connect(linked.link.addr()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(linked.link.connections().unwrap().open, 0);
    // Twice is once.
    linked.link.cut().unwrap();
    linked.link.heal().unwrap();
    let (mut client, mut server) = linked.connect();
    server.write_all(b"again").unwrap();
    says(&mut client, b"again");
}

#[test]
fn a_cut_keeps_the_port_although_closed_connections_linger_on_it() {
    let linked = Linked::new();
    // The link closes first, so its end lingers (TIME_WAIT).
    let (client, server) = linked.connect();
    drop(server);
    let mut client = client;
    assert!(ends(&mut client));
    drop(client);
    let (_kept, _open) = linked.connect();
    linked
        .link
        .while_cut(|| {
            // No other process can take the port until then.
            let taken = TcpListener::bind(linked.link.addr()).unwrap_err();
            assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        })
        .unwrap();
    linked.connect();
}

#[test]
fn a_silent_link_passes_nothing_on_and_loses_nothing() {
    let linked = Linked::new();
    let (mut client, mut server) = linked.connect();
    linked.link.silence().unwrap();
    client.write_all(b"up").unwrap();
    server.write_all(b"down").unwrap();
    server.shutdown(Shutdown::Write).unwrap();
    assert!(is_silent(&mut client) && is_silent(&mut server));
    // A new connection is silent too.
    let mut late = TcpStream::connect(linked.link.addr()).unwrap();
    late.write_all(b"late").unwrap();
    let before = linked.link.connections().unwrap();
    linked.link.heal().unwrap();
    says(&mut server, b"up");
    says(&mut client, b"down");
    assert!(ends(&mut client));
    says(&mut linked.accepted(), b"late");
    assert_eq!((before.to_server, before.to_client), (1, 0));
}

#[test]
fn a_silent_link_hides_the_death_of_the_server_until_it_is_healed() {
    let linked = Linked::new();
    let (mut client, server) = linked.connect();
    client.write_all(b"unread").unwrap();
    server.peek(&mut [0]).unwrap();
    linked.link.silence().unwrap();
    drop(server);
    assert!(is_silent(&mut client));
    linked.link.heal().unwrap();
    assert!(is_reset(&mut client));
}

#[test]
fn one_direction_can_be_silent_alone() {
    let linked = Linked::new();
    let (mut client, mut server) = linked.connect();
    let to_client = linked.link.one_way(Way::ToClient);
    to_client
        .silenced(|| {
            client.write_all(b"request").unwrap();
            says(&mut server, b"request");
            server.write_all(b"answer").unwrap();
            assert!(is_silent(&mut client));
        })
        .unwrap();
    says(&mut client, b"answer");
    linked.link.one_way(Way::ToServer).silence().unwrap();
    server.write_all(b"news").unwrap();
    says(&mut client, b"news");
    client.write_all(b"lost?").unwrap();
    assert!(is_silent(&mut server));
    linked.link.heal().unwrap();
    says(&mut server, b"lost?");
}

#[test]
fn connects_to_a_blackhole_hang() {
    let linked = Linked::new();
    let (mut client, mut server) = linked.connect();
    linked.link.blackhole().unwrap();
    for _ in 0..3 {
        let late = TcpStream::connect_timeout(&linked.link.addr(), SILENCE).unwrap_err();
        assert_eq!(late.kind(), ErrorKind::TimedOut);
    }
    client.write_all(b"held").unwrap();
    assert!(is_silent(&mut server));
    linked.link.heal().unwrap();
    says(&mut server, b"held");
    let (mut client, mut server) = linked.connect();
    server.write_all(b"again").unwrap();
    says(&mut client, b"again");
    // The connection that the link itself needs does not count.
    assert_eq!(linked.link.connections().unwrap().accepted, 2);
    // A cut in between takes nothing away from either.
    linked.link.blackhole().unwrap();
    linked
        .link
        .while_cut(|| {
            let refused = TcpStream::connect(linked.link.addr()).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        })
        .unwrap();
    let late = TcpStream::connect_timeout(&linked.link.addr(), SILENCE).unwrap_err();
    assert_eq!(late.kind(), ErrorKind::TimedOut);
    linked.link.heal().unwrap();
    linked.connect();
}

#[test]
fn a_connection_is_over_when_both_ends_were_reset_whatever_the_faults_are() {
    let linked = Linked::new();
    let link = &linked.link;
    let faults: [fn(&summon::Link); 3] = [
        |link| link.delay("1h").unwrap(),
        |link| link.silence().unwrap(),
        |link| link.blackhole().unwrap(),
    ];
    for (index, put) in faults.iter().enumerate() {
        let (mut client, mut server) = linked.connect();
        // To drop a socket with unread bytes resets the connection.
        client.write_all(b"unread").unwrap();
        server.write_all(b"unread").unwrap();
        client.peek(&mut [0]).unwrap();
        server.peek(&mut [0]).unwrap();
        put(link);
        drop((server, client));
        eventually(&format!("the end of connection {index}"), || {
            link.connections().unwrap().open == 0
        });
        link.heal().unwrap();
    }
}

#[test]
fn answers_come_later_by_the_delay_and_in_their_order() {
    let linked = Linked::new();
    let (mut client, mut server) = linked.connect();
    let delay = Duration::from_millis(60);
    linked.link.delay(delay).unwrap();
    let began = Instant::now();
    client.write_all(b"request").unwrap();
    says(&mut server, b"request");
    server.write_all(b"answer").unwrap();
    says(&mut client, b"answer");
    assert!(began.elapsed() >= delay, "{:?}", began.elapsed());
    linked.link.delay(("20ms", "20ms")).unwrap();
    let bytes = noise(1000, 3);
    for byte in &bytes {
        server.write_all(&[*byte]).unwrap();
    }
    drop(server);
    let mut found = Vec::new();
    client.read_to_end(&mut found).unwrap();
    assert_eq!(found, bytes);
}

#[test]
fn faults_are_in_force_for_connections_to_come() {
    let linked = Linked::new();
    let delay = Duration::from_millis(60);
    linked.link.delay(delay).unwrap();
    linked.link.limit("400KB").unwrap();
    let (mut client, mut server) = linked.connect();
    let began = Instant::now();
    server.write_all(b"late").unwrap();
    says(&mut client, b"late");
    assert!(began.elapsed() >= delay, "{:?}", began.elapsed());
    linked.link.one_way(Way::ToClient).delay("0s").unwrap();
    let bytes = noise(40_000, 5);
    let began = Instant::now();
    server.write_all(&bytes).unwrap();
    says(&mut client, &bytes);
    // 100 ms, less what the link may send at once.
    assert!(began.elapsed() >= delay, "{:?}", began.elapsed());
    linked.link.one_way(Way::ToServer).silence().unwrap();
    let mut late = TcpStream::connect(linked.link.addr()).unwrap();
    late.write_all(b"!").unwrap();
    assert!(is_silent(&mut linked.accepted()));
}

#[test]
fn a_delay_is_over_as_soon_as_it_is_healed() {
    let linked = Linked::new();
    let (mut client, mut server) = linked.connect();
    linked.link.delay("1h").unwrap();
    server.write_all(b"held").unwrap();
    assert!(is_silent(&mut client));
    linked.link.heal().unwrap();
    says(&mut client, b"held");
    let to_server = linked.link.one_way(Way::ToServer);
    let held = to_server.delayed("1h", || {
        client.write_all(b"held").unwrap();
        is_silent(&mut server)
    });
    assert!(held.unwrap());
    says(&mut server, b"held");
}

#[test]
fn a_limit_holds_for_all_connections_together_and_starves_none() {
    let linked = Linked::new();
    let mut pairs: Vec<_> = (0..4).map(|_| linked.connect()).collect();
    linked.link.limit("400KB").unwrap();
    let began = Instant::now();
    let sent = noise(20_000, 4);
    std::thread::scope(|threads| {
        for (client, server) in &mut pairs {
            threads.spawn(|| server.write_all(&sent).unwrap());
            threads.spawn(|| says(client, &sent));
        }
    });
    // 80 kB at 400 kB per second, less what the link may send at once.
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(170), "{took:?}");
}

#[test]
fn a_connection_ends_after_so_many_bytes() {
    let linked = Linked::new();
    let (mut client, mut server) = linked.connect();
    server.write_all(b"before").unwrap();
    says(&mut client, b"before");
    linked.link.close_after(7).unwrap();
    server.write_all(b"a message in the middle").unwrap();
    says(&mut client, b"a messa");
    assert!(ends(&mut client));
    eventually("the end for the server", || {
        (&server).write_all(b"more").is_err()
    });
    // A new one counts from its beginning.
    let (mut client, mut server) = linked.connect();
    server.write_all(b"another message").unwrap();
    says(&mut client, b"another");
    assert!(ends(&mut client));
    linked.link.heal().unwrap();
    let (mut client, mut server) = linked.connect();
    server.write_all(b"a long message").unwrap();
    says(&mut client, b"a long message");
    let to_server = linked.link.one_way(Way::ToServer);
    to_server
        .closed_after(3, || {
            client.write_all(b"cut off").unwrap();
            says(&mut server, b"cut");
            assert!(ends(&mut server));
        })
        .unwrap();
}

#[test]
fn faults_end_with_their_closure_even_if_it_panics() {
    let linked = Linked::new();
    let link = &linked.link;
    link.delay("1h").unwrap();
    let panic = |act: &dyn Fn()| {
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(act)).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"the test's own"));
    };
    let fail = || panic!("the test's own");
    let healthy = format!("{link:?}");
    panic(&|| link.while_cut(fail).unwrap());
    panic(&|| link.silenced(fail).unwrap());
    panic(&|| link.blackholed(fail).unwrap());
    panic(&|| link.delayed("1s", fail).unwrap());
    panic(&|| link.limited(1, fail).unwrap());
    panic(&|| link.closed_after(1, fail).unwrap());
    // The delay from before is in force again, and nothing else.
    assert_eq!(format!("{link:?}"), healthy);
    assert!(healthy.contains("delay: 3600s"), "{healthy}");
    link.heal().unwrap();
    linked.connect();
}

#[test]
fn a_connection_is_what_its_random_faults_leave_of_it() {
    let seed = std::time::SystemTime::now();
    let seed = seed
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_nanos() as u64;
    println!("seed {seed}");
    let linked = Linked::new();
    let link = &linked.link;
    for round in 0..6 {
        let (client, server) = linked.connect();
        let random = noise(64, seed ^ round);
        let (up, down) = (noise(200_000, seed ^ 99), noise(300_000, seed ^ 98));
        // The faults that cut a connection. All else only holds it up.
        let cuts = random[..8].iter().any(|byte| byte % 8 > 5);
        let transfer = |from: &TcpStream, to: &TcpStream, bytes: &[u8]| {
            std::thread::scope(|threads| {
                threads.spawn(|| {
                    let pieces = bytes.chunks(1 + usize::from(random[0]) * 61);
                    let mut from = from;
                    let _ = pieces.map(|it| from.write_all(it)).find(Result::is_err);
                    let _ = from.shutdown(Shutdown::Write);
                });
                let (mut found, mut to) = (Vec::new(), to);
                let ended = to.read_to_end(&mut found);
                assert!(bytes.starts_with(&found), "{} bytes", found.len());
                assert!(
                    cuts || (ended.is_ok() && found.len() == bytes.len()),
                    "{ended:?}"
                );
            });
        };
        std::thread::scope(|threads| {
            threads.spawn(|| transfer(&client, &server, &up));
            threads.spawn(|| transfer(&server, &client, &down));
            for byte in &random[..8] {
                let size = u64::from(*byte) * 1000 + 1;
                let time = Duration::from_micros(u64::from(*byte) * 20);
                match byte % 8 {
                    0 => link.silenced(|| drop(link.connections())).unwrap(),
                    1 => link.delay((time, time)).unwrap(),
                    2 => link.one_way(Way::ToServer).delay(time).unwrap(),
                    3 => link.limit(size * 1000).unwrap(),
                    4 => link.blackholed(|| ()).unwrap(),
                    5 => link.heal().unwrap(),
                    6 if cuts => link.close_after(size).unwrap(),
                    _ => link.while_cut(|| ()).unwrap(),
                }
            }
            link.heal().unwrap();
        });
    }
}

#[test]
fn a_fault_that_makes_no_sense_is_an_error_that_says_why() {
    let linked = Linked::new();
    let link = &linked.link;
    let says = |error: summon::Error, why: &str| {
        let expected = format!("the link to no-such-program can't be changed: {why}");
        assert!(error.to_string().starts_with(&expected), "{error}");
    };
    says(
        link.delay("soon").unwrap_err(),
        "`soon` is not a duration: ",
    );
    says(
        link.delay(("1s", "some")).unwrap_err(),
        "`some` is not a duration: ",
    );
    says(
        link.limit(0).unwrap_err(),
        "with 0 bytes per second no byte would ever pass; use `silence`",
    );
    says(
        link.close_after("few").unwrap_err(),
        "`few` is not a size; write, for example, `64MB`",
    );
    linked.connect();
}
