//! A server as this package might contain it: it answers each connection, and exits with success on
//! TERM. With `FRAGILE` in its environment, it panics when it has answered.

use std::io::Write;
use std::net::TcpListener;

fn main() {
    let mut words = std::env::args().skip(1);
    assert_eq!(words.next().as_deref(), Some("--listen"));
    let address = words.next().expect("an address");
    let told = asked_to_end();
    let listener = TcpListener::bind(address).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.unwrap().write_all(b"own");
            assert!(std::env::var_os("FRAGILE").is_none(), "out of cheese");
        }
    });
    told();
    // A return from `main` writes the coverage data.
    println!("farewell");
}

/// Blocks the signal in all later threads, and returns a function that waits for the signal.
fn asked_to_end() -> impl FnOnce() {
    // SAFETY: `sigemptyset` initialises the set, and all pointers point into this frame.
    let set = unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGTERM);
        libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
        set
    };
    move || {
        let mut signal = 0;
        // SAFETY: as above, all pointers point into this frame.
        unsafe { libc::sigwait(&set, &mut signal) };
    }
}
