//! A server that needs no other software. It answers each line with the same line.

use std::io::{BufRead, BufReader, Result, Write};
use std::net::{TcpListener, TcpStream};

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    assert_eq!(words.next().as_deref(), Some("--port"));
    let port = words.next().expect("a port");
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    for client in listener.incoming() {
        let client = client?;
        std::thread::spawn(move || serve(&client));
    }
    Ok(())
}

fn serve(mut client: &TcpStream) -> Result<()> {
    for line in BufReader::new(client).lines() {
        let line = line?;
        println!("{line}");
        writeln!(client, "{line}")?;
    }
    Ok(())
}
