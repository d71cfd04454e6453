//! The attribute macros of summon. Use them through `summon`, which re-exports and documents them.
//!
//! A macro is a pipeline: [`args`] reads the attribute and [`item`] the function, [`model`] says
//! what they mean together and what is wrong with them, and [`expand`] writes the result.

mod args;
mod expand;
mod item;
mod model;

use proc_macro::TokenStream;

/// Starts the programs that a function needs, and stops them when it returns or panics.
///
/// # Kinds
///
/// | attribute | ready when |
/// | --- | --- |
/// | `#[summon(simple = "cmd")]` | the program has been exec'ed |
/// | `#[summon(output = "cmd", banner = "regex")]` | a line of its output matches |
/// | `#[summon(tcp = "cmd {port}")]` | it listens; `port = 6379` and `host = ".."` where they are fixed |
/// | `#[summon(http = "cmd {port}", path = "/health")]` | the path answers 2xx; or `url = ".."`, `port`, `host` |
/// | `#[summon(executor = expr)]` | its `start` returns |
///
/// Every other `key = value` or `key(values)` is a call of the builder's method of that name, so
/// [`Coordinated`](struct.Coordinated.html) is the list of options: `timeout = "5s"`,
/// `env("RUST_LOG", "debug")`, `args(["-v"])`, `after = "db"`. Values may be any expression;
/// `name = ".."` stands for `named(..)`.
///
/// # Parameters
///
/// Several attributes are one orchestrated set. The function has no parameter for them, or one
/// for each, in their order: `&Process`, or `&T` for `executor = T::new(..)`; `_: &Process` skips
/// one. A parameter's name is the name of its process, without leading underscores. Other
/// parameters belong to other attributes.
///
/// # Where it goes
///
/// On any function: `fn`, `async fn`, with a result, generic. Put it above `#[test]`,
/// `#[tokio::test]` and the like; without parameters it may stand below them too. If a program
/// can't be started the function panics with the report; in a test that should panic the report
/// is printed and the test returns, so that it fails.
///
/// ```
/// use summon::{Process, summon};
///
/// #[summon(output = "sh -c 'echo up; exec sleep 100'", banner = "^up$", timeout = "5s")]
/// fn works(server: &Process) {
///     assert_eq!(server.name(), "server");
///     assert!(server.is_running());
/// }
///
/// works();
/// ```
#[proc_macro_attribute]
pub fn summon(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let item = match item::Function::parse(item.clone().into()) {
        Ok(item) => item,
        // Not a function: the error, and the item as it was, so that nothing else complains.
        Err(error) => {
            let mut output = error.into_compile_error();
            output.extend(proc_macro2::TokenStream::from(item));
            return output.into();
        }
    };
    let output = match model::Model::new(attribute.into(), item) {
        Ok(model) => expand::expand(model),
        Err((errors, item)) => expand::expand_error(&errors, item),
    };
    output.into()
}
