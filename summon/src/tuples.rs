//! Arguments that are several values of one trait: tuples.

/// The argument of a method that only this crate can implement and call, since no other crate can name
/// this type.
#[doc(hidden)]
#[derive(Debug)]
pub struct Sealed;

/// Implements a trait with `into_vec` for tuples. The last arguments name the elements of the longest.
macro_rules! tuples {
    ($many:path, $one:ident, $new:path => $boxed:ty; $($name:ident)*) => {
        tuples!(@ $many, $one, $new => $boxed; [] $($name)*);
    };
    (@ $many:path, $one:ident, $new:path => $boxed:ty; [$($done:ident)*]) => {};
    (@ $many:path, $one:ident, $new:path => $boxed:ty; [$($done:ident)*] $next:ident $($rest:ident)*) => {
        impl<'a, $($done: $one + 'a,)* $next: $one + 'a> $many for ($($done,)* $next,) {
            fn into_vec(self, _: Sealed) -> Vec<$boxed> {
                #[expect(non_snake_case, reason = "a value is named as its type is")]
                let ($($done,)* $next,) = self;
                vec![$($new($done),)* $new($next)]
            }
        }
        tuples!(@ $many, $one, $new => $boxed; [$($done)* $next] $($rest)*);
    };
}

pub(crate) use tuples;
