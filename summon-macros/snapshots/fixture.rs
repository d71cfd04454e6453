#[summon::fixture(tcp = "redis-server --port {port}")]
/// Shared by all tests.
pub(crate) static REDIS: Fixture;

// becomes

/// Shared by all tests.
pub(crate) static REDIS: Fixture = {
    fn __summon_make() -> ::summon::__private::Made<::summon::Process> {
        ::summon::__private::Made::of(
            ::summon::Coordinated::with(
                "redis-server --port {port}",
                ::summon::probe::tcp("localhost", 0u16),
            ),
        )
    }
    fn __summon_setup(
        executor: &::summon::Process,
    ) -> ::core::result::Result<(), ::std::string::String> {
        let _ = executor;
        ::core::result::Result::Ok(())
    }
    fn __summon_needs() -> ::std::vec::Vec<
        (&'static str, &'static dyn ::summon::__private::Needed),
    > {
        ::std::vec::Vec::from([])
    }
    ::summon::Fixture::new(::summon::__private::Definition {
        name: "REDIS",
        package: ::core::env!("CARGO_PKG_NAME"),
        code: ::core::concat!(
            "", " at ", ::core::file!(), ":", ::core::line!(), ":", ::core::column!()
        ),
        lifetime: ::summon::__private::Lifetime::Binary,
        make: __summon_make,
        setup: __summon_setup,
        template: ::core::option::Option::None,
        needs: __summon_needs,
    })
};
