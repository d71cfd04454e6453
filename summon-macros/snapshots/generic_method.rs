#[summon(simple = self.command)]
pub(crate) fn method<'a, T: Clone>(&'a mut self, (n, m): (u8, u8), process: &Process) -> impl Iterator<Item = T> + 'a
where
    T: Send,
{
    std::iter::empty()
}

// becomes

pub(crate) fn method<'a, T: Clone>(
    &'a mut self,
    (n, m): (u8, u8),
) -> impl Iterator<Item = T> + 'a
where
    T: Send,
{
    let executor_0 = ::summon::Coordinated::with(
        self.command,
        ::summon::probe::started(),
    );
    let _scope = match ::summon::__private::scope(
        ::core::concat!(::core::module_path!(), "::", ::core::stringify!(method)),
        [(::core::option::Option::Some("process"), &executor_0)],
        |error| ::summon::__private::fail_at_end(error),
    ) {
        ::core::result::Result::Ok(scope) => scope,
        ::core::result::Result::Err(error) => ::summon::__private::fail(&error),
    };
    let process: &Process = &executor_0;
    std::iter::empty()
}
