#[summon(executor = Postgres::new(), setup = migrate)]
#[summon(tcp = "api --db {pg.port} --port {port}", setup = seed, block_on = pollster::block_on)]
#[test]
fn sees_rows(pg: &Postgres, api: &Process) {
    pg.connect();
}

// becomes

#[test]
fn sees_rows() {
    let executor_0 = ::summon::__private::SetUp::new(
        Postgres::new(),
        |executor| ::summon::__private::set_up(
            executor,
            migrate,
            |error| {
                use ::summon::__private::{OfBox as _, OfDisplay as _, OfError as _};
                (&&&::summon::__private::Foreign(error)).text()
            },
        ),
    );
    let executor_1 = ::summon::__private::SetUp::new(
        ::summon::Coordinated::with(
            "api --db {pg.port} --port {port}",
            ::summon::probe::tcp("localhost", 0u16),
        ),
        |executor| {
            let executor: &::summon::Process = executor;
            ::summon::__private::set_up_with(
                executor,
                seed,
                pollster::block_on,
                |error| {
                    use ::summon::__private::{OfBox as _, OfDisplay as _, OfError as _};
                    (&&&::summon::__private::Foreign(error)).text()
                },
            )
        },
    );
    let _scope = match ::summon::__private::scope(
        ::core::concat!(::core::module_path!(), "::", ::core::stringify!(sees_rows)),
        [
            (::core::option::Option::Some("pg"), &executor_0),
            (::core::option::Option::Some("api"), &executor_1),
        ],
        |error| ::summon::__private::fail_at_end(error),
    ) {
        ::core::result::Result::Ok(scope) => scope,
        ::core::result::Result::Err(error) => {
            use ::summon::__private::Unmade as _;
            match ::summon::__private::Skipped::<()>::by(&error).value() {
                ::core::option::Option::Some(value) => return value,
                ::core::option::Option::None => ::summon::__private::fail(&error),
            }
        }
    };
    let pg: &Postgres = &executor_0;
    let api: &Process = &executor_1;
    pg.connect();
}
