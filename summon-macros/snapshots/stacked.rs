#[summon(output = "my-api --db {db.port}", banner = "up")]
#[ignore]
#[summon(simple = "postgres")]
#[test]
/// Others' attributes stay in their order.
#[summon(fixture = common::REDIS)]
fn needs_three(api: &Process, r#db: &Process, _redis: &Process, #[case] n: u32) {
    #![allow(unused)]
    let n = n + 1;
}

// becomes

#[ignore]
#[test]
/// Others' attributes stay in their order.
fn needs_three(#[case] n: u32) {
    #![allow(unused)]
    let executor_0 = ::summon::Coordinated::with(
        "my-api --db {db.port}",
        ::summon::probe::output("up"),
    );
    let executor_1 = ::summon::Coordinated::with("postgres", ::summon::probe::started());
    let executor_2 = ::summon::__private::Used::new(
        &common::REDIS,
        ::core::option::Option::Some("redis"),
    );
    let _scope = match ::summon::__private::scope(
        ::core::concat!(::core::module_path!(), "::", ::core::stringify!(needs_three)),
        [
            (::core::option::Option::Some("api"), &executor_0),
            (::core::option::Option::Some("db"), &executor_1),
            (::core::option::Option::Some("redis"), &executor_2),
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
    let api: &Process = &executor_0;
    let r#db: &Process = &executor_1;
    let _redis: &Process = &executor_2;
    let n = n + 1;
}
