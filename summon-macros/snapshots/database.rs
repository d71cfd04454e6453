#[summon(database = PG, name = "db")]
#[test]
fn adds(database: &Database) {
    use_it(database);
}

// becomes

#[test]
fn adds() {
    let executor_0 = ::summon::__private::Cloned::new(
        &PG,
        ::core::option::Option::Some("db"),
    );
    let _scope = match ::summon::__private::scope(
        ::core::concat!(::core::module_path!(), "::", ::core::stringify!(adds)),
        [(::core::option::Option::Some("database"), &executor_0)],
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
    let database: &Database = &executor_0;
    use_it(database);
}
