//! An example that a test runs as a process.

fn main() {
    println!("helps with {:?}", std::env::args().nth(1));
    loop {
        std::thread::park();
    }
}
