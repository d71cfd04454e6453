//! The tests on the page "Testing your own service", word for word; `tidy` compares them.

use std::io::{Read, Write};
use std::net::TcpStream;

/// Sends a request, and returns the body of the answer.
pub(crate) fn get(url: &str) -> String {
    let (addr, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(addr).unwrap();
    write!(stream, "GET /{path} HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

mod attribute {
    use super::get;

    use summon::{Process, servers::Redis, summon};

    #[summon(
        bin = "shop",
        http,
        path = "/health",
        env("LISTEN", "127.0.0.1:{port}"),
        env("REDIS_URL", "redis://127.0.0.1:{redis.port}"),
        env_remove("SHOP_CONFIG"),
        unless = "panicked at"
    )]
    #[summon(executor = Redis::new())]
    #[test]
    fn counts_visits(shop: &Process, redis: &Redis) {
        assert_eq!(get(&shop.url("/visits/lisa")), "1");
        redis.restart().unwrap();
        assert_eq!(get(&shop.url("/visits/lisa")), "1"); // this Redis saves nothing
    }
}

mod function {
    use super::get;

    use std::sync::Arc;
    use summon::servers::Redis;
    use summon::{Error, HttpCoordinatedExecutor, Scope, orchestrated};

    /// The shop and its Redis. Both run until this value is dropped.
    struct Shop {
        api: Arc<HttpCoordinatedExecutor>,
        redis: Arc<Redis>,
        _scope: Scope<'static>,
    }

    fn shop(settings: &[(&str, &str)]) -> Result<Shop, Error> {
        let redis = Arc::new(Redis::new().named("redis"));
        let binary = env!("CARGO_BIN_EXE_shop");
        let api = HttpCoordinatedExecutor::new([binary], "http://localhost:{port}/health")
            .named("shop")
            .env("LISTEN", "127.0.0.1:{port}")
            .env("REDIS_URL", "redis://127.0.0.1:{redis.port}")
            .envs(settings.iter().copied())
            .never(true);
        let api = Arc::new(api);
        let scope = orchestrated((redis.clone(), api.clone()))?;
        Ok(Shop { api, redis, _scope: scope })
    }

    #[test]
    fn keeps_its_visits_when_it_crashes() -> Result<(), Error> {
        let shop = shop(&[("RUST_LOG", "debug")])?;
        assert_eq!(get(&shop.api.url("/visits/lisa")), "1");
        shop.api.kill()?;
        assert!(shop.redis.is_running());
        shop.api.start()?;
        assert_eq!(get(&shop.api.url("/visits/lisa")), "2");
        Ok(())
    }

    #[test]
    fn answers_while_redis_hangs() -> Result<(), Error> {
        let shop = shop(&[])?;
        let mark = shop.api.mark();
        let answer = shop.redis.paused(|| get(&shop.api.url("/visits/lisa")))?;
        assert_eq!(answer, "try again later");
        mark.wait_for_output("^redis: ", "5s")?;
        Ok(())
    }
}

mod shared {
    use super::get;

    use summon::{Fixture, Process, servers::Redis, summon};

    #[summon::fixture(executor = Redis::new())]
    static REDIS: Fixture;

    #[summon::fixture(
        bin = "shop",
        http,
        path = "/health",
        env("LISTEN", "127.0.0.1:{port}"),
        env("REDIS_URL", "redis://127.0.0.1:{REDIS.port}")
    )]
    static SHOP: Fixture;

    #[summon(fixture = SHOP)]
    #[test]
    fn counts_visits_of_each_visitor(shop: &Process) {
        assert_eq!(get(&shop.url("/visits/lisa")), "1");
        assert_eq!(get(&shop.url("/visits/bart")), "1");
    }
}
