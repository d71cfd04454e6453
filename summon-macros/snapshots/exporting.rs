#[exporting((fixture = PG, export = "DATABASE_URL", name = "pg") (fixture = REDIS, export = "REDIS_URL"))]
#[test]
fn adds_a_song() -> Result<(), Error> {
    run(inner)
}

// becomes

#[test]
fn adds_a_song() -> Result<(), Error> {
    let executor_0 = ::summon::__private::Used::new(
            &PG,
            ::core::option::Option::Some("pg"),
        )
        .export("DATABASE_URL");
    let executor_1 = ::summon::__private::Used::new(&REDIS, ::core::option::Option::None)
        .export("REDIS_URL");
    let _scope = match ::summon::__private::scope(
        ::core::concat!(::core::module_path!(), "::", ::core::stringify!(adds_a_song)),
        [
            (::core::option::Option::None, &executor_0),
            (::core::option::Option::None, &executor_1),
        ],
        |error| ::summon::__private::fail_at_end(error),
    ) {
        ::core::result::Result::Ok(scope) => scope,
        ::core::result::Result::Err(error) => {
            use ::summon::__private::Unmade as _;
            match ::summon::__private::Skipped::<Result<(), Error>>::by(&error).value() {
                ::core::option::Option::Some(value) => return value,
                ::core::option::Option::None => ::summon::__private::fail(&error),
            }
        }
    };
    let result: Result<(), Error> = ::summon::__private::call(|| -> Result<(), Error> {
        run(inner)
    });
    {
        use ::summon::__private::Unknown as _;
        let returned = ::summon::__private::Returned(&result);
        if returned.is_failure() {
            ::summon::__private::has_failed(&_scope, returned.text());
        }
    }
    result
}
