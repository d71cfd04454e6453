#[summon::fixture(executor = Postgres::new(), scope = "run", template = migrate)]
static PG: Fixture<Postgres>;

// becomes

static PG: Fixture<Postgres> = {
    fn __summon_make() -> ::summon::__private::Made<Postgres> {
        ::summon::__private::Made::typed(Postgres::new())
    }
    fn __summon_setup(
        executor: &Postgres,
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
        name: "PG",
        package: ::core::env!("CARGO_PKG_NAME"),
        code: ::core::concat!(
            "Postgres :: new (), migrate", " at ", ::core::file!(), ":", ::core::line!(),
            ":", ::core::column!()
        ),
        lifetime: ::summon::__private::Lifetime::Run,
        make: __summon_make,
        setup: __summon_setup,
        template: ::core::option::Option::Some(|database| ::summon::__private::set_up(
            database,
            migrate,
            |error| {
                use ::summon::__private::{OfBox as _, OfDisplay as _, OfError as _};
                (&&&::summon::__private::Foreign(error)).text()
            },
        )),
        needs: __summon_needs,
    })
};
