//! Faults that overlap: each closure ends its own fault, and nothing else.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Barrier;
use std::time::Duration;

use crate::linked::{Linked, ends, is_reset, is_silent, says};

#[test]
fn closures_of_two_threads_end_their_own_faults_in_any_order() {
    let linked = Linked::new();
    let (mut client, mut server) = linked.connect();
    let [first, both, one] = [(); 3].map(|()| Barrier::new(2));
    let link = &linked.link;
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let body = || {
                first.wait();
                both.wait();
            };
            link.silenced(body).unwrap();
            one.wait();
        });
        first.wait();
        let late = link.silenced(|| {
            both.wait();
            one.wait();
            // The other closure has ended.
            client.write_all(b"held").unwrap();
            is_silent(&mut server)
        });
        assert!(late.unwrap());
    });
    says(&mut server, b"held");
}

#[test]
fn what_heal_has_ended_does_not_come_back_when_a_closure_ends() {
    let linked = Linked::new();
    let link = &linked.link;
    let healthy = format!("{link:?}");
    let heal = || link.heal().unwrap();
    link.silence().unwrap();
    link.silenced(heal).unwrap();
    assert_eq!(format!("{link:?}"), healthy);
    link.delay("1h").unwrap();
    link.delayed("2h", heal).unwrap();
    assert_eq!(format!("{link:?}"), healthy);
    link.cut().unwrap();
    link.while_cut(heal).unwrap();
    assert_eq!(format!("{link:?}"), healthy);
    linked.connect();
}

#[test]
fn a_verb_inside_a_closure_outlives_it() {
    let linked = Linked::new();
    let link = &linked.link;
    link.while_cut(|| link.cut().unwrap()).unwrap();
    assert!(TcpStream::connect(link.addr()).is_err());
    link.heal().unwrap();
    link.limited("1MB", || link.limit("2MB").unwrap()).unwrap();
    assert!(format!("{link:?}").contains("limit: Some(2000000)"));
}

#[test]
fn bytes_under_way_take_no_longer_than_the_delay_that_is_left() {
    let linked = Linked::new();
    let (mut client, mut server) = linked.connect();
    let link = &linked.link;
    link.delay("10ms").unwrap();
    let held = link.delayed("1h", || {
        server.write_all(b"first ").unwrap();
        is_silent(&mut client)
    });
    assert!(held.unwrap());
    server.write_all(b"second").unwrap();
    says(&mut client, b"first second");
    link.delay("1h").unwrap();
    server.write_all(b"third").unwrap();
    assert!(is_silent(&mut client));
    link.delay(Duration::from_millis(1)).unwrap();
    says(&mut client, b"third");
}

#[test]
fn a_count_of_bytes_goes_on_after_another_count_inside_it() {
    let linked = Linked::new();
    let (mut client, mut server) = linked.connect();
    linked.link.close_after(10).unwrap();
    server.write_all(b"1234").unwrap();
    says(&mut client, b"1234");
    let inside = linked.link.closed_after(1000, || {
        server.write_all(b"567").unwrap();
        says(&mut client, b"567");
    });
    inside.unwrap();
    server.write_all(b"890 and more").unwrap();
    says(&mut client, b"890");
    assert!(ends(&mut client));
}

#[test]
fn a_refusal_takes_as_long_as_an_answer() {
    let linked = Linked::new();
    let Linked { listener, link, .. } = linked;
    drop(listener);
    link.delay("1h").unwrap();
    let mut client = TcpStream::connect(link.addr()).unwrap();
    assert!(is_silent(&mut client));
    link.heal().unwrap();
    assert!(is_reset(&mut client));
}
