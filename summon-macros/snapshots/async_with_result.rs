#[summon(simple = "sleep 100")]
#[tokio::test(flavor = "multi_thread")]
async fn sleeps(sleeper: &Process) -> Result<(), summon::Error> {
    sleeper.stop()?;
    Ok(())
}

// becomes

#[tokio::test(flavor = "multi_thread")]
async fn sleeps() -> Result<(), summon::Error> {
    let executor_0 = ::summon::Coordinated::with(
        "sleep 100",
        ::summon::probe::started(),
    );
    let _scope = match ::summon::__private::scope(
        ::core::concat!(::core::module_path!(), "::", ::core::stringify!(sleeps)),
        [(::core::option::Option::Some("sleeper"), &executor_0)],
        |error| ::summon::__private::fail_at_end(error),
    ) {
        ::core::result::Result::Ok(scope) => scope,
        ::core::result::Result::Err(error) => {
            use ::summon::__private::Unmade as _;
            match ::summon::__private::Skipped::<Result<(), summon::Error>>::by(&error)
                .value()
            {
                ::core::option::Option::Some(value) => return value,
                ::core::option::Option::None => ::summon::__private::fail(&error),
            }
        }
    };
    let sleeper: &Process = &executor_0;
    let result: Result<(), summon::Error> = async {
        if false {
            return ::summon::__private::never::<Result<(), summon::Error>>();
        }
        sleeper.stop()?;
        Ok(())
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
