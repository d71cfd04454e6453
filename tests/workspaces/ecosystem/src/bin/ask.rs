//! A client on the command line: `ask ADDRESS LINE`.

use std::net::SocketAddr;

fn main() -> std::io::Result<()> {
    let mut words = std::env::args().skip(1);
    let server: SocketAddr = words
        .next()
        .and_then(|word| word.parse().ok())
        .expect("an address");
    let line = words.next().expect("a line");
    println!("{}", summon_ecosystem::ask(server, &line)?);
    Ok(())
}
