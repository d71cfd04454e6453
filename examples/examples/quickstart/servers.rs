//! The two servers of the tour, in their smallest form.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Serves prices: answers each line with a name by a line with a number. Boots slowly.
pub(crate) fn stock(port: &str) -> Result<()> {
    println!("reading the price list ..");
    thread::sleep(Duration::from_millis(300));
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    println!("stock is open");
    for stream in listener.incoming().flatten() {
        // A client that disconnects early is not an error of the server.
        let _ = tell_price(stream);
    }
    Ok(())
}

fn tell_price(mut stream: TcpStream) -> Result<()> {
    let mut name = String::new();
    BufReader::new(&stream).read_line(&mut name)?;
    println!("asked for {}", name.trim());
    writeln!(stream, "{}", name.trim().len() * 70)?;
    Ok(())
}

/// Answers `GET /price/<name>` with the price from the stock. It can't work without the stock.
pub(crate) fn shop(port: &str, stock: &str) -> Result<()> {
    let stock: SocketAddr = format!("127.0.0.1:{stock}").parse()?;
    ask(stock, "a first price")?;
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    for stream in listener.incoming().flatten() {
        let _ = answer(stream, stock);
    }
    Ok(())
}

fn answer(mut stream: TcpStream, stock: SocketAddr) -> Result<()> {
    let mut head = BufReader::new(&stream)
        .lines()
        .map_while(std::result::Result::ok);
    let request = head.next().ok_or("no request")?;
    head.find(String::is_empty);
    let path = request.split(' ').nth(1).unwrap_or_default();
    let body = match path.strip_prefix("/price/") {
        Some(name) => format!("{name} is {} cents", ask(stock, name)?),
        None => "healthy".to_owned(),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.0 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    Ok(())
}

fn ask(stock: SocketAddr, name: &str) -> Result<String> {
    let mut stream = TcpStream::connect(stock)?;
    writeln!(stream, "{name}")?;
    let mut price = String::new();
    stream.read_to_string(&mut price)?;
    Ok(price.trim().to_owned())
}

/// Sends a request, and returns the body of the answer.
pub(crate) fn get(addr: SocketAddr, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(addr)?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or("no body")?;
    Ok(body.to_owned())
}
