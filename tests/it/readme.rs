//! The tests that the README shows, word for word; `tidy` sees to that.

#[cfg(has_redis)]
mod first {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use summon::{Process, summon};

    #[summon(tcp = "redis-server --port {port} --save ''")]
    #[test]
    fn answers(redis: &Process) {
        let mut stream = TcpStream::connect(redis.addr()).unwrap();   // it already listens
        stream.write_all(b"PING\r\n").unwrap();
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"+PONG\r\n");
    }                                                                 // stopped here, panic or not
}

mod two {
    use summon::{Process, summon};

    #[summon(output = "sh -c 'echo api uses {db.port}; exec sleep 100'", banner = "^api uses")]
    #[summon(simple = "sleep 100")]
    #[test]
    fn needs_two(api: &Process, db: &Process) {
        let line = api.wait_for_output("uses", "5s").unwrap();
        assert_eq!(line, format!("api uses {}", db.port()));
    }
}
