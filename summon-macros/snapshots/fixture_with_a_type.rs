#[summon::fixture(executor = Postgres::new(), scope = "run", setup = migrate, block_on = pollster::block_on)]
static POSTGRES: Fixture<Postgres>;

// becomes

static POSTGRES: Fixture<Postgres> = {
    fn __summon_make() -> ::summon::__private::Made<Postgres> {
        ::summon::__private::Made::typed(Postgres::new())
    }
    fn __summon_setup(
        executor: &Postgres,
    ) -> ::core::result::Result<(), ::std::string::String> {
        ::summon::__private::set_up_with(
            executor,
            migrate,
            pollster::block_on,
            |error| {
                use ::summon::__private::{OfBox as _, OfDisplay as _, OfError as _};
                (&&&::summon::__private::Foreign(error)).text()
            },
        )
    }
    fn __summon_needs() -> ::std::vec::Vec<
        (&'static str, &'static dyn ::summon::__private::Needed),
    > {
        ::std::vec::Vec::from([])
    }
    ::summon::Fixture::new(::summon::__private::Definition {
        name: "POSTGRES",
        package: ::core::env!("CARGO_PKG_NAME"),
        code: ::core::concat!(
            "Postgres :: new (), migrate", " at ", ::core::file!(), ":", ::core::line!(),
            ":", ::core::column!()
        ),
        lifetime: ::summon::__private::Lifetime::Run,
        make: __summon_make,
        setup: __summon_setup,
        template: ::core::option::Option::None,
        needs: __summon_needs,
    })
};
