//! A node of a replicated map. A write or a read succeeds if a majority of the nodes answers, so
//! every node sees the newest value, and a minority refuses instead of answering with an old one.
//!
//! `replica ID ADDRESS PEERS FILE`: `ID` is the number of this node in `PEERS`, the addresses of all
//! nodes with commas between them. It answers requests, one a line:
//!
//! | request | answer |
//! | --- | --- |
//! | `set KEY VALUE` | `ok`, or `error` with the reason |
//! | `get KEY` | `value VALUE`, `none`, or `error` with the reason |
//!
//! The nodes ask each other in the same way: `fetch KEY` and `store VERSION ID KEY VALUE` concern only
//! the node that gets them. The algorithm is "ABD", by Attiya, Bar-Noy, and Dolev.

use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

/// The longest wait for another node.
const PATIENCE: Duration = Duration::from_secs(1);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [id, address, peers, file] = arguments.as_slice() else {
        return Err("usage: replica ID ADDRESS PEERS FILE".into());
    };
    let peers: Result<Vec<SocketAddr>, _> = peers.split(',').map(str::parse).collect();
    let node = Arc::new(Node {
        id: id.parse()?,
        peers: peers?,
        store: Mutex::new(Store::open(file)?),
    });
    let listener = TcpListener::bind(address)?;
    println!("node {id} serves {address}");
    for stream in listener.incoming() {
        let (stream, node) = (stream?, Arc::clone(&node));
        thread::spawn(move || {
            if let Err(error) = node.serve(&stream) {
                eprintln!("a client has gone: {error}");
            }
        });
    }
    Ok(())
}

/// A value with its version. Of two values with the same number, that of the higher node is newer.
type Versioned = ((u64, usize), String);

/// The values of this node, in memory and in a file. A killed process loses nothing that it has
/// written, so the file is never flushed.
struct Store {
    values: HashMap<String, Versioned>,
    file: File,
}

impl Store {
    fn open(path: &str) -> io::Result<Store> {
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(path)?;
        let mut store = Store {
            values: HashMap::new(),
            file,
        };
        for line in BufReader::new(store.file.try_clone()?).lines() {
            if let Some((key, value)) = parse(&line?) {
                store.keep(key, value);
            }
        }
        Ok(store)
    }

    fn put(&mut self, key: &str, value: Versioned) -> io::Result<()> {
        writeln!(self.file, "{}", written(key, &value))?;
        self.keep(key.to_owned(), value);
        Ok(())
    }

    fn keep(&mut self, key: String, value: Versioned) {
        let old = self.values.get(&key);
        if old.is_none_or(|old| old.0 < value.0) {
            self.values.insert(key, value);
        }
    }
}

/// A value as text: version, node, key, value.
fn written(key: &str, ((version, node), value): &Versioned) -> String {
    format!("{version} {node} {key} {value}")
}

fn parse(text: &str) -> Option<(String, Versioned)> {
    let mut words = text.splitn(4, ' ');
    let version = words.next()?.parse().ok()?;
    let node = words.next()?.parse().ok()?;
    let (key, value) = (words.next()?.to_owned(), words.next()?.to_owned());
    Some((key, ((version, node), value)))
}

struct Node {
    id: usize,
    peers: Vec<SocketAddr>,
    store: Mutex<Store>,
}

impl Node {
    fn serve(&self, stream: &TcpStream) -> io::Result<()> {
        let mut answers = stream;
        for request in BufReader::new(stream).lines() {
            let answer = self.answer(&request?);
            let answer = answer.unwrap_or_else(|error| format!("error {error}"));
            answers.write_all(format!("{answer}\n").as_bytes())?;
        }
        Ok(())
    }

    fn answer(&self, request: &str) -> Result<String, Box<dyn Error>> {
        let (verb, rest) = request.split_once(' ').unwrap_or((request, ""));
        match verb {
            "set" => {
                let (key, value) = rest.split_once(' ').ok_or("no value")?;
                let newest = self.newest(key)?;
                let version = newest.map_or(0, |((version, _), _)| version) + 1;
                self.spread(key, &((version, self.id), value.to_owned()))?;
                Ok("ok".to_owned())
            }
            "get" => match self.newest(rest)? {
                // Without this, a later read could miss a value that this one has seen.
                Some(newest) => {
                    self.spread(rest, &newest)?;
                    Ok(format!("value {}", newest.1))
                }
                None => Ok("none".to_owned()),
            },
            "fetch" => {
                let store = self.store.lock().map_err(|_| "the store is broken")?;
                let found = store.values.get(rest);
                Ok(found.map_or_else(|| "none".to_owned(), |found| written(rest, found)))
            }
            "store" => {
                let (key, value) = parse(rest).ok_or("no versioned value")?;
                let mut store = self.store.lock().map_err(|_| "the store is broken")?;
                store.put(&key, value)?;
                Ok("ok".to_owned())
            }
            _ => Err("the requests are `set KEY VALUE` and `get KEY`".into()),
        }
    }

    /// The newest value that a majority knows.
    fn newest(&self, key: &str) -> Result<Option<Versioned>, String> {
        let answers = self.ask_majority(&format!("fetch {key}"))?;
        let found = answers.iter().filter_map(|answer| parse(answer));
        Ok(found.map(|(_, value)| value).max())
    }

    fn spread(&self, key: &str, value: &Versioned) -> Result<(), String> {
        self.ask_majority(&format!("store {}", written(key, value)))?;
        Ok(())
    }

    /// Sends a request to all nodes at the same time. Returns the answers of the first majority.
    fn ask_majority(&self, request: &str) -> Result<Vec<String>, String> {
        let majority = self.peers.len() / 2 + 1;
        let (tell, told) = mpsc::channel();
        for (id, peer) in self.peers.clone().into_iter().enumerate() {
            if id == self.id {
                let answer = self.answer(request).map_err(|error| error.to_string());
                let _ = tell.send((id, answer));
                continue;
            }
            let (tell, request) = (tell.clone(), request.to_owned());
            thread::spawn(move || {
                let answer = ask(peer, &request).map_err(|error| error.to_string());
                // The majority may have answered already.
                let _ = tell.send((id, answer));
            });
        }
        drop(tell);
        let mut answers = Vec::new();
        for (id, answer) in told {
            match answer {
                Ok(answer) => answers.push(answer),
                Err(error) => eprintln!("node {id} does not answer `{request}`: {error}"),
            }
            if answers.len() == majority {
                return Ok(answers);
            }
        }
        let (count, all) = (answers.len(), self.peers.len());
        Err(format!("only {count} of {all} nodes answer"))
    }
}

fn ask(peer: SocketAddr, request: &str) -> Result<String, Box<dyn Error>> {
    let mut stream = TcpStream::connect_timeout(&peer, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{request}\n").as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    match answer.trim_end() {
        "" => Err("it closed the connection".into()),
        answer => match answer.strip_prefix("error ") {
            Some(error) => Err(error.into()),
            None => Ok(answer.to_owned()),
        },
    }
}
