//! A server as this package might have one: it answers with what its environment and arguments
//! say, and ends well when it is asked to.

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
        }
    });
    told();
    // Returning from `main` lets coverage be written.
    println!("farewell");
}

/// Keeps the signal from every thread that comes later, and returns what waits for it.
fn asked_to_end() -> impl FnOnce() {
    // SAFETY: the set is initialised by `sigemptyset`, and all pointers are of this frame.
    let set = unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGTERM);
        libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
        set
    };
    move || {
        let mut signal = 0;
        // SAFETY: as above.
        unsafe { libc::sigwait(&set, &mut signal) };
    }
}
