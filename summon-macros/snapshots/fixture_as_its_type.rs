#[summon(fixture = POSTGRES)]
#[summon(tcp = "api --db {pg.port} --port {port}")]
#[rstest]
fn sees_rows(name: &str, pg: &Postgres, api: &Process, other: &Other) {
    pg.connect(name);
}

// becomes

#[rstest]
fn sees_rows(name: &str, other: &Other) {
    let executor_0 = ::summon::__private::Used::new(
        &POSTGRES,
        ::core::option::Option::Some("pg"),
    );
    let executor_1 = ::summon::Coordinated::with(
        "api --db {pg.port} --port {port}",
        ::summon::probe::tcp("localhost", 0u16),
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
    pg.connect(name);
}
