//! A link under hostile use passes on what it should, and goes on.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use summon::{Link, Way};

use crate::linked::{Linked, ends, is_reset, kill, noise, says};
use crate::support::eventually;

/// Multiplies the amounts. By default the tests take seconds.
fn scale() -> usize {
    let scale = std::env::var("SUMMON_LINK_SCALE").ok();
    scale.and_then(|it| it.parse().ok()).unwrap_or(1)
}

/// Sends the bytes back on every connection, until the test is over.
fn echo(linked: &Linked, is_over: &AtomicBool) {
    linked.listener.set_nonblocking(true).unwrap();
    thread::scope(|threads| {
        while !is_over.load(Ordering::Relaxed) {
            let Ok((server, _)) = linked.listener.accept() else {
                thread::park_timeout(Duration::from_millis(1));
                continue;
            };
            server.set_nonblocking(false).unwrap();
            threads.spawn(move || {
                let _ = std::io::copy(&mut &server, &mut &server);
                let _ = server.shutdown(Shutdown::Write);
            });
        }
    });
}

/// Runs a test beside an echo server. The clients must have closed their connections at its end.
fn with_echo(test: impl FnOnce(&Linked)) {
    struct Over<'a>(&'a AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let (linked, is_over) = (Linked::unique(), AtomicBool::new(false));
    thread::scope(|threads| {
        threads.spawn(|| echo(&linked, &is_over));
        let _over = Over(&is_over);
        test(&linked);
    });
}

/// Does random things to the link until the end of the test.
fn break_at_random(link: &Link, seed: u64, is_over: &AtomicBool, may_cut: bool) {
    for byte in noise(1 << 20, seed) {
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        let size = u64::from(byte);
        match byte % 10 {
            0 => link.silenced(|| ()).unwrap(),
            1 => link
                .delayed(("1ms", "1ms"), || drop(link.connections()))
                .unwrap(),
            2 => link.limit(size * 1_000_000 + 1_000_000).unwrap(),
            3 => link.blackholed(|| ()).unwrap(),
            4 => link
                .one_way(Way::ToServer)
                .silenced(thread::yield_now)
                .unwrap(),
            5 => link
                .one_way(Way::ToClient)
                .delay(Duration::from_micros(size))
                .unwrap(),
            6 if may_cut => link.while_cut(|| ()).unwrap(),
            7 if may_cut => link.closed_after(size, thread::yield_now).unwrap(),
            _ => link.heal().unwrap(),
        }
    }
}

#[test]
fn many_short_connections_leave_nothing_behind() {
    with_echo(|linked| {
        let addr = linked.link.addr();
        let count = 1000 * scale();
        thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    for _ in 0..count / 4 {
                        let mut client = TcpStream::connect(addr).unwrap();
                        client.write_all(b"!").unwrap();
                        says(&mut client, b"!");
                        client.shutdown(Shutdown::Write).unwrap();
                        assert!(ends(&mut client));
                    }
                });
            }
        });
        eventually("the end of all connections", || {
            linked.link.connections().unwrap().open == 0
        });
        let counted = linked.link.connections().unwrap();
        assert_eq!(
            (counted.to_server, counted.to_client),
            (count as u64, count as u64)
        );
        assert_eq!(counted.accepted, count as u64);
        let link = linked.process();
        let fds = std::fs::read_dir(format!("/proc/{}/fd", link.pid))
            .unwrap()
            .count();
        assert!(fds < 30, "{fds} descriptors");
    });
}

#[test]
fn streams_are_whole_whatever_many_threads_do_to_their_link() {
    with_echo(|linked| {
        let bytes = noise((4 << 20) * scale(), 5);
        let is_over = AtomicBool::new(false);
        thread::scope(|threads| {
            for seed in 0..16 {
                let (link, is_over) = (&linked.link, &is_over);
                threads.spawn(move || break_at_random(link, seed, is_over, false));
            }
            let exchange = || {
                let client = TcpStream::connect(linked.link.addr()).unwrap();
                thread::scope(|threads| {
                    threads.spawn(|| {
                        (&client).write_all(&bytes).unwrap();
                        client.shutdown(Shutdown::Write).unwrap();
                    });
                    let mut found = Vec::new();
                    (&client).read_to_end(&mut found).unwrap();
                    assert!(found == bytes, "{} of {}", found.len(), bytes.len());
                });
            };
            let streams: Vec<_> = (0..3).map(|_| threads.spawn(exchange)).collect();
            let done: Vec<_> = streams.into_iter().map(ScopedJoinHandle::join).collect();
            is_over.store(true, Ordering::Relaxed);
            assert!(done.iter().all(Result::is_ok));
        });
    });
}

#[test]
fn what_arrives_between_cuts_is_a_prefix_and_the_link_goes_on() {
    with_echo(|linked| {
        let bytes = noise(1 << 20, 6);
        let is_over = AtomicBool::new(false);
        thread::scope(|threads| {
            for seed in 0..4 {
                let (link, is_over) = (&linked.link, &is_over);
                threads.spawn(move || break_at_random(link, seed, is_over, true));
            }
            for _ in 0..20 * scale() {
                let Ok(client) =
                    TcpStream::connect_timeout(&linked.link.addr(), Duration::from_secs(5))
                else {
                    continue;
                };
                thread::scope(|threads| {
                    threads.spawn(|| {
                        let _ = (&client).write_all(&bytes);
                        let _ = client.shutdown(Shutdown::Write);
                    });
                    let mut found = Vec::new();
                    let _ = (&client).read_to_end(&mut found);
                    assert!(bytes.starts_with(&found), "{} bytes", found.len());
                });
            }
            is_over.store(true, Ordering::Relaxed);
        });
        linked.link.heal().unwrap();
        let mut client = TcpStream::connect(linked.link.addr()).unwrap();
        client.write_all(b"still there").unwrap();
        says(&mut client, b"still there");
    });
}

#[test]
fn a_client_that_does_not_read_holds_up_no_other_and_costs_little_memory() {
    with_echo(|linked| {
        let link = linked.process();
        linked.link.delay("10ms").unwrap();
        let slow: Vec<TcpStream> = (0..4)
            .map(|_| {
                let client = TcpStream::connect(linked.link.addr()).unwrap();
                client.set_nonblocking(true).unwrap();
                let piece = vec![0; 1 << 20];
                // Until all buffers are full. The echo server can't send either, so it stops reading.
                let full = (0..10_000).any(|_| (&client).write(&piece).is_err());
                assert!(full);
                client
            })
            .collect();
        let mut client = TcpStream::connect(linked.link.addr()).unwrap();
        client.write_all(b"fast").unwrap();
        says(&mut client, b"fast");
        let status = std::fs::read_to_string(format!("/proc/{}/status", link.pid)).unwrap();
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let memory = memory.unwrap().trim().trim_end_matches(" kB");
        let most = 4 * 1024 + 60_000;
        assert!(memory.parse::<u64>().unwrap() < most, "{memory} kB");
        linked.link.cut().unwrap();
        drop(slow);
    });
}

#[test]
fn a_delayed_stream_is_as_slow_as_its_window() {
    let linked = Linked::new();
    let (mut client, server) = linked.connect();
    linked.link.delay("100ms").unwrap();
    let sent = vec![7; 8 << 20];
    let began = Instant::now();
    thread::scope(|threads| {
        threads.spawn(|| (&server).write_all(&sent).unwrap());
        says(&mut client, &sent);
    });
    // 1 MiB in 100 ms. A stream that keeps the link busy would make the delays of other connections
    // inexact.
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(600), "{took:?}");
}

#[test]
fn verbs_of_many_threads_fail_as_soon_as_the_link_is_killed() {
    for round in 0..5 * scale() as u64 {
        let linked = Linked::unique();
        let _pair = linked.connect();
        let process = linked.process();
        thread::scope(|threads| {
            for _ in 0..16 {
                threads.spawn(|| while linked.link.delayed("1ms", || ()).is_ok() {});
            }
            // A random moment.
            for _ in 0..noise(1, round)[0] / 4 {
                linked.link.connections().unwrap();
            }
            kill(&process);
        });
        assert!(linked.link.heal().is_err());
    }
}

#[test]
fn a_link_without_free_descriptors_takes_clients_as_soon_as_it_can() {
    let linked = Linked::unique();
    let link = linked.process();
    let fds = std::fs::read_dir(format!("/proc/{}/fd", link.pid))
        .unwrap()
        .count();
    let limit = |most: usize| {
        let limited = Command::new("prlimit")
            .args([&format!("--nofile={most}:"), "--pid", &link.pid.to_string()])
            .status();
        assert!(limited.unwrap().success());
    };
    // Two connections, and then a half of the third one: the link accepts it, and can't connect.
    for (left, open) in [(4, 2), (5, 3)] {
        limit(fds + left);
        let mut pairs = vec![linked.connect()];
        // A stream also takes two for a pipe. The next connection needs them.
        let (client, server) = &mut pairs[0];
        let stream = noise(1 << 20, 7);
        thread::scope(|threads| {
            threads.spawn(|| client.write_all(&stream).unwrap());
            says(server, &stream);
        });
        pairs.push(linked.connect());
        // The kernel completes the connection, also if the link leaves it in the queue.
        let mut waiting = TcpStream::connect(linked.link.addr()).unwrap();
        waiting.write_all(b"!").unwrap();
        for (client, server) in &mut pairs {
            client.write_all(b"through").unwrap();
            says(server, b"through");
        }
        assert_eq!(linked.link.connections().unwrap().open, open);
        drop(pairs.pop());
        let (mut client, mut server) = linked.accept(waiting);
        server.write_all(b"late").unwrap();
        let mut rest = [0; 4];
        client.read_exact(&mut rest).unwrap();
        assert_eq!(&rest, b"late");
        linked.link.cut().unwrap();
        assert!(is_reset(&mut client));
        linked.link.heal().unwrap();
    }
}
