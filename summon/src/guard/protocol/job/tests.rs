//! Every field of a job is decoded as it was encoded.

use super::super::container;
use super::*;
use std::fs::File;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

/// Returns a job with every field set, and its number of descriptors.
fn job() -> (Vec<u8>, usize) {
    let null = || OwnedFd::from(File::open("/dev/null").unwrap());
    let program = Program {
        name: "redis".into(),
        argv: vec!["redis-server".into(), OsString::from_vec(vec![0xff])],
        env: vec![("A".into(), "".into()), ("B".into(), "=".into())],
        dir: "/tmp".into(),
        user: Some(User { uid: 7, gid: 8 }),
        attributes: Attributes {
            umask: Some(0o077),
            nice: Some(-5),
        },
        stdin: Some(null()),
        outlives_guard: true,
        sockets: vec![("redis".into(), null())],
    };
    let terms = Terms {
        daemon: true,
        stop: StopPlan {
            signal: crate::Signal::INT,
            only_leader: true,
            command: Some(vec!["pg_ctl".into(), "stop".into()]),
            grace: Duration::from_millis(1500),
        },
        container: Some(container::example(null())),
        after_stop: vec![vec!["rm".into(), "x".into()], vec![]],
        log: null(),
        log_limit: 1 << 40,
        streams: Some([null(), null()]),
        notify: Some("summon-x".into()),
        about: About {
            test: "a".into(),
            facts: "\n  declared  a.rs:1".into(),
            since: 7,
            ready_at: Some(8),
        },
        sweep: Sweep {
            session: Arc::new(null().into()),
            logs: Arc::new(null().into()),
            homes: Arc::new(null().into()),
            tree: "/tmp/x".into(),
            log: "/tmp/x.log".into(),
            streams: vec!["/tmp/x.out".into()],
            socket: Some("/tmp/s".into()),
            claim: Some(("/tmp/c".into(), null())),
            parents: vec!["/tmp".into()],
        },
        sharing: Some(Sharing {
            socket: null(),
            path: "/tmp/s".into(),
            yields: true,
        }),
        leases: vec![null(), null()],
        relays: vec![null()],
    };
    let (owner, runner) = (null(), null());
    let endings = Endings {
        owner: Some(owner.as_fd()),
        runner: Some(runner.as_fd()),
    };
    let task = Task::Service(&program, &terms);
    let out = encode(&endings, &task);
    (out.bytes.clone(), out.fds.len())
}

/// Returns the job of a link, and its number of descriptors.
fn link() -> (Vec<u8>, usize) {
    let null = OwnedFd::from(File::open("/dev/null").unwrap());
    let endings = Endings {
        owner: Some(null.as_fd()),
        runner: None,
    };
    let clients = ["172.17.0.0/16".parse().unwrap()];
    let task = Task::Link {
        name: "redis",
        addr: "172.17.0.1:7000".parse().unwrap(),
        lease: null.as_fd(),
        target: Some("[::1]:80".parse().unwrap()),
        clients: Some(&clients),
    };
    let out = encode(&endings, &task);
    (out.bytes.clone(), out.fds.len())
}

#[test]
fn a_job_is_read_as_it_was_written() {
    let (bytes, fds) = job();
    assert_eq!(fds, 16);
    assert_eq!(written_again(&bytes).unwrap(), (bytes, fds));
    let (bytes, fds) = link();
    assert_eq!(fds, 2);
    assert_eq!(written_again(&bytes).unwrap(), (bytes, fds));
}

#[test]
fn garbage_is_an_error_and_not_a_panic() {
    for (good, _) in [job(), link()] {
        for length in 0..good.len() {
            assert!(written_again(&good[..length]).is_err());
        }
        assert!(First::decode(&good, Vec::new()).is_err());
    }
}
