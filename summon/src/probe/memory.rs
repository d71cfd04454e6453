//! The state that probes keep from one look to the next.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::fmt;

use crate::small_map::SmallMap;

/// The state of the probes of one wait. Each probe has a type of its own for its state, and a name for
/// it, such as its URL.
#[derive(Default)]
pub(super) struct Memory(RefCell<SmallMap<(TypeId, String), Box<dyn Any>>>);

impl Memory {
    /// Calls `act` with the state of this type and name. The first call makes it.
    pub(super) fn with<T: Default + 'static, R>(
        &self,
        name: &str,
        act: impl FnOnce(&mut T) -> R,
    ) -> R {
        let key = (TypeId::of::<T>(), name.to_owned());
        // Take the state out for the call, so that `act` may use the memory too.
        let kept = self.0.borrow_mut().remove(&key);
        let mut state = kept
            .and_then(|kept| kept.downcast::<T>().ok())
            .unwrap_or_default();
        let result = act(&mut state);
        self.0.borrow_mut().insert(key, state);
        result
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}
