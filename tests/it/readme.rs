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

mod shared {
    use summon::{Fixture, Process, summon};

    #[summon::fixture(output = "sh -c 'echo up; exec sleep 100'", banner = "^up$", setup = seed)]
    static SERVER: Fixture;

    fn seed(server: &Process) -> std::io::Result<()> {
        std::fs::write(server.dir().join("seed"), "what all tests need")
    }

    #[test]
    fn direct() {
        assert!(SERVER.dir().join("seed").exists());      // started by whoever used it first
    }

    #[summon(fixture = SERVER)]
    #[test]
    fn declared(server: &Process) {
        assert_eq!(server.port(), SERVER.port());
    }
}
