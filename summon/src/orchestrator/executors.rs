//! The arguments of an orchestrator.

use crate::executor::Executor;
use crate::tuples::{Sealed, tuples};

/// One executor, or a tuple (up to twelve), an array, a slice, or a vector of executors, borrowed
/// or owned. No other crate can implement this trait.
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
    fn into_vec(self, sealed: Sealed) -> Vec<Box<dyn Executor + 'a>>;
}

impl<'a, E: Executor + 'a> Executors<'a> for E {
    fn into_vec(self, _: Sealed) -> Vec<Box<dyn Executor + 'a>> {
        vec![Box::new(self)]
    }
}

impl<'a, E: Executor + 'a> Executors<'a> for Vec<E> {
    fn into_vec(self, _: Sealed) -> Vec<Box<dyn Executor + 'a>> {
        self.into_iter().map(|one| Box::new(one) as _).collect()
    }
}

impl<'a, E: Executor + 'a, const N: usize> Executors<'a> for [E; N] {
    fn into_vec(self, _: Sealed) -> Vec<Box<dyn Executor + 'a>> {
        self.into_iter().map(|one| Box::new(one) as _).collect()
    }
}

impl<'a, E: Executor> Executors<'a> for &'a [E] {
    fn into_vec(self, _: Sealed) -> Vec<Box<dyn Executor + 'a>> {
        self.iter().map(|one| Box::new(one) as _).collect()
    }
}

impl<'a, E: Executor, const N: usize> Executors<'a> for &'a [E; N] {
    fn into_vec(self, sealed: Sealed) -> Vec<Box<dyn Executor + 'a>> {
        self.as_slice().into_vec(sealed)
    }
}

impl<'a, E: Executor> Executors<'a> for &'a Vec<E> {
    fn into_vec(self, sealed: Sealed) -> Vec<Box<dyn Executor + 'a>> {
        self.as_slice().into_vec(sealed)
    }
}

tuples!(Executors<'a>, Executor, Box::new => Box<dyn Executor + 'a>; A B C D E F G H I J K L);
