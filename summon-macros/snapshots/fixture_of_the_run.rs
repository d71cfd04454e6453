#[summon::fixture(executor = Postgres::new("{REDIS.port}"), scope = "run", setup = common::migrate, env("CACHE", "{REDIS.host}:{CACHE.port}"))]
static POSTGRES: Fixture;

// becomes

static POSTGRES: Fixture = {
    fn __summon_make() -> ::summon::__private::Made<::summon::Process> {
        ::summon::__private::Made::of(
            Postgres::new("{REDIS.port}").env("CACHE", "{REDIS.host}:{CACHE.port}"),
        )
    }
    fn __summon_setup(
        executor: &::summon::Process,
    ) -> ::core::result::Result<(), ::std::string::String> {
        ::summon::__private::set_up(
            executor,
            common::migrate,
            |error| {
                use ::summon::__private::{OfBox as _, OfDisplay as _, OfError as _};
                (&&&::summon::__private::Foreign(error)).text()
            },
        )
    }
    fn __summon_needs() -> ::std::vec::Vec<
        (&'static str, &'static dyn ::summon::__private::Needed),
    > {
        ::std::vec::Vec::from([
            ::summon::__private::needed("REDIS", &REDIS),
            ::summon::__private::needed("CACHE", &CACHE),
        ])
    }
    ::summon::Fixture::new(::summon::__private::Definition {
        name: "POSTGRES",
        package: ::core::env!("CARGO_PKG_NAME"),
        code: ::core::concat!(
            "Postgres :: new (\"{REDIS.port}\"), common :: migrate", " at ",
            ::core::file!(), ":", ::core::line!(), ":", ::core::column!()
        ),
        lifetime: ::summon::__private::Lifetime::Run,
        make: __summon_make,
        setup: __summon_setup,
        template: ::core::option::Option::None,
        needs: __summon_needs,
    })
};
