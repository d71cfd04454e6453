//! Tests of orders that get no answer: the process of the link is halted, or has ended.

use super::*;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// A link whose process has been halted, and the process's end of its socket.
fn halted() -> (Link, UnixStream) {
    let (socket, process) = UnixStream::pair().unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(1)))
        .unwrap();
    process.set_nonblocking(true).unwrap();
    let addr = ([127, 0, 0, 1], 1).into();
    let state = State {
        process: LinkProcess::of(socket),
        faults: InForce::default(),
        target: Some(addr),
        separated: Some(Separated::default()),
        separated_names: String::new(),
        history: History::new("server", 1),
        is_told: false,
    };
    let inner = Inner {
        server: Server {
            name: "server".to_owned(),
            scheme: String::new(),
            addr: Some(addr),
            ended: Weak::new(),
        },
        port: 1,
        begun: Instant::now(),
        test: this_test(),
        maker: Maker::here(),
        state: Mutex::new(state),
    };
    let link = Link {
        inner: Arc::new(inner),
    };
    (link, process)
}

fn got(process: &mut UnixStream) -> bool {
    process.read(&mut [0; 4096]).is_ok_and(|count| count > 0)
}

#[test]
fn an_order_without_an_answer_is_replaced_by_the_next_one() {
    let (link, mut process) = halted();
    let separate = |is_launching| {
        let nodes = Separated {
            is_launching,
            ..Separated::default()
        };
        link.separate(nodes, String::new()).finish()
    };
    separate(false).unwrap();
    assert!(!got(&mut process), "nothing has changed");
    separate(true).unwrap_err();
    assert!(got(&mut process));
    separate(false).unwrap_err();
    assert!(got(&mut process), "the former order may be in force by now");
    let [old, new] = [1, 2].map(|port| ([127, 0, 0, 1], port).into());
    link.lead_to(old).unwrap();
    assert!(!got(&mut process), "nothing has changed");
    for target in [new, old] {
        link.lead_to(target).unwrap_err();
        assert!(got(&mut process), "{target}");
    }
}

#[test]
fn a_dead_link_obeys_no_order_later() {
    let (link, process) = halted();
    drop(process);
    let nodes = Separated {
        is_launching: true,
        ..Separated::default()
    };
    link.separate(nodes, String::new()).finish().unwrap_err();
    link.separate(Separated::default(), String::new())
        .finish()
        .unwrap();
}

#[test]
fn a_report_has_an_order_without_an_answer() {
    let (link, _process) = halted();
    link.put(&Fault::Cut).unwrap_err();
    let report = link.report_now().unwrap();
    assert!(report.starts_with("cut, without an answer, "), "{report}");
}
