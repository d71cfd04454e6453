#[summon::fixture(executor = Postgres::new("{REDIS.port}"), scope = "run", setup = common::migrate, env("CACHE", "{REDIS.host}:{CACHE.port}"))]
static POSTGRES: Fixture;

// becomes

static POSTGRES: Fixture = {
    fn __summon_make() -> ::summon::__private::Arc<dyn ::summon::Executor> {
        ::summon::__private::Arc::new(
            Postgres::new("{REDIS.port}").env("CACHE", "{REDIS.host}:{CACHE.port}"),
        )
    }
    fn __summon_setup(
        process: &::summon::Process,
    ) -> ::core::result::Result<(), ::std::string::String> {
        ::summon::__private::set_up(common::migrate, process)
    }
    fn __summon_needs() -> ::std::vec::Vec<(&'static str, &'static ::summon::Fixture)> {
        ::std::vec::Vec::from([("REDIS", &REDIS), ("CACHE", &CACHE)])
    }
    ::summon::Fixture::new(::summon::__private::Definition {
        name: "POSTGRES",
        package: ::core::env!("CARGO_PKG_NAME"),
        code: "Postgres :: new (\"{REDIS.port}\"), common :: migrate",
        lifetime: ::summon::__private::Lifetime::Run,
        make: __summon_make,
        setup: __summon_setup,
        needs: __summon_needs,
    })
};
