#[summon(fixture = PG, export = VARIABLE)]
#[summon(tcp = "shop --db {pg.url} --port {port}")]
#[tokio::test]
async fn sells(pg: &Process, shop: &Process) -> Result<(), Error> {
    buy(shop.port()).await
}

// becomes

#[tokio::test]
#[::summon::__private::exporting((fixture = PG, export = VARIABLE, name = "pg"))]
async fn sells() -> Result<(), Error> {
    let executor_0 = ::summon::__private::Used::new(
            &PG,
            ::core::option::Option::Some("pg"),
        )
        .exported_below();
    let executor_1 = ::summon::Coordinated::with(
        "shop --db {pg.url} --port {port}",
        ::summon::probe::tcp("localhost", 0u16),
    );
    let _scope = match ::summon::__private::scope(
        ::core::concat!(::core::module_path!(), "::", ::core::stringify!(sells)),
        [
            (::core::option::Option::Some("pg"), &executor_0),
            (::core::option::Option::Some("shop"), &executor_1),
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
    let pg: &Process = &executor_0;
    let shop: &Process = &executor_1;
    let result: Result<(), Error> = async {
        if false {
            return ::summon::__private::never::<Result<(), Error>>();
        }
        buy(shop.port()).await
    }
        .await;
    {
        use ::summon::__private::Unknown as _;
        let returned = ::summon::__private::Returned(&result);
        if returned.is_failure() {
            ::summon::__private::has_failed(&_scope, returned.text());
        }
    }
    result
}
