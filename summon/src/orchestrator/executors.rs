//! The arguments of an orchestrator.

use crate::executor::Executor;

/// One executor, or a tuple (up to twelve), an array, a slice, or a vector of executors, borrowed
/// or owned.
///
/// ```
/// use summon::{Orchestrator, SimpleExecutor, orchestrated};
///
/// let db = SimpleExecutor::new("sleep 100").named("db");
/// let workers = ["one", "two"].map(|name| SimpleExecutor::new("sleep 100").named(name));
/// let scope = orchestrated((&db, Orchestrator::new(&workers)))?;   // a tuple, and in it an array
/// assert!(db.is_running() && workers.iter().all(|worker| worker.is_running()));
/// # drop(scope);
/// # Ok::<(), summon::Error>(())
/// ```
pub trait Executors<'a> {
    #[doc(hidden)]
    fn into_vec(self) -> Vec<Box<dyn Executor + 'a>>;
}

impl<'a, E: Executor + 'a> Executors<'a> for E {
    fn into_vec(self) -> Vec<Box<dyn Executor + 'a>> {
        vec![Box::new(self)]
    }
}

impl<'a, E: Executor + 'a> Executors<'a> for Vec<E> {
    fn into_vec(self) -> Vec<Box<dyn Executor + 'a>> {
        self.into_iter().map(|one| Box::new(one) as _).collect()
    }
}

impl<'a, E: Executor + 'a, const N: usize> Executors<'a> for [E; N] {
    fn into_vec(self) -> Vec<Box<dyn Executor + 'a>> {
        self.into_iter().map(|one| Box::new(one) as _).collect()
    }
}

impl<'a, E: Executor> Executors<'a> for &'a [E] {
    fn into_vec(self) -> Vec<Box<dyn Executor + 'a>> {
        self.iter().map(|one| Box::new(one) as _).collect()
    }
}

impl<'a, E: Executor, const N: usize> Executors<'a> for &'a [E; N] {
    fn into_vec(self) -> Vec<Box<dyn Executor + 'a>> {
        self.as_slice().into_vec()
    }
}

impl<'a, E: Executor> Executors<'a> for &'a Vec<E> {
    fn into_vec(self) -> Vec<Box<dyn Executor + 'a>> {
        self.as_slice().into_vec()
    }
}

macro_rules! tuples {
    ($($name:ident)*) => {
        tuples!(@ [] $($name)*);
    };
    (@ [$($done:ident)*]) => {};
    (@ [$($done:ident)*] $next:ident $($rest:ident)*) => {
        impl<'a, $($done: Executor + 'a,)* $next: Executor + 'a> Executors<'a> for ($($done,)* $next,) {
            fn into_vec(self) -> Vec<Box<dyn Executor + 'a>> {
                #[expect(non_snake_case, reason = "a value is named as its type is")]
                let ($($done,)* $next,) = self;
                vec![$(Box::new($done),)* Box::new($next)]
            }
        }
        tuples!(@ [$($done)* $next] $($rest)*);
    };
}

tuples!(A B C D E F G H I J K L);
