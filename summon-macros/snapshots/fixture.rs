#[summon::fixture(tcp = "redis-server --port {port}")]
/// Shared by all tests.
pub(crate) static REDIS: Fixture;

// becomes

/// Shared by all tests.
pub(crate) static REDIS: Fixture = {
    fn __summon_make() -> ::summon::__private::Arc<dyn ::summon::Executor> {
        ::summon::__private::Arc::new(
            ::summon::TcpCoordinatedExecutor::new(
                "redis-server --port {port}",
                "localhost",
                0u16,
            ),
        )
    }
    fn __summon_setup(
        process: &::summon::Process,
    ) -> ::core::result::Result<(), ::std::string::String> {
        let _ = process;
        ::core::result::Result::Ok(())
    }
    fn __summon_needs() -> ::std::vec::Vec<(&'static str, &'static ::summon::Fixture)> {
        ::std::vec::Vec::from([])
    }
    ::summon::Fixture::new(::summon::__private::Definition {
        name: "REDIS",
        package: ::core::env!("CARGO_PKG_NAME"),
        code: "",
        lifetime: ::summon::__private::Lifetime::Binary,
        make: __summon_make,
        setup: __summon_setup,
        needs: __summon_needs,
    })
};
