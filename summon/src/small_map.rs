//! A map with few entries.

use std::borrow::Borrow;

/// A map in a sorted vector. It has the order of a `BTreeMap`, and compiles in a fraction of the time:
/// each type of `BTreeMap` adds one percent to the build of this crate. An insertion moves the entries
/// behind it.
#[derive(Clone, Debug)]
pub(crate) struct SmallMap<K, V>(Vec<(K, V)>);

impl<K: Ord, V> SmallMap<K, V> {
    pub(crate) const fn new() -> SmallMap<K, V> {
        SmallMap(Vec::new())
    }

    /// Returns the index of the key, or else the index where it would be.
    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.0.binary_search_by(|(own, _)| own.borrow().cmp(key))
    }

    pub(crate) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let place = self.place(key).ok()?;
        Some(&self.0[place].1)
    }

    /// Inserts the value, in place of the value that the key had.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        match self.place(&key) {
            Ok(place) => self.0[place].1 = value,
            Err(place) => self.0.insert(place, (key, value)),
        }
    }

    /// Returns the value of the key. Inserts the default if there is none.
    pub(crate) fn or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        let place = self.place(&key).unwrap_or_else(|place| {
            self.0.insert(place, (key, V::default()));
            place
        });
        &mut self.0[place].1
    }

    pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let place = self.place(key).ok()?;
        Some(self.0.remove(place).1)
    }

    /// Iterates over the entries in the order of their keys.
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, (K, V)> {
        self.0.iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

// Not derived: that would ask for a default of the keys and the values.
impl<K: Ord, V> Default for SmallMap<K, V> {
    fn default() -> SmallMap<K, V> {
        SmallMap::new()
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for SmallMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> SmallMap<K, V> {
        let mut map = SmallMap::new();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_map_is_sorted_and_has_each_key_once() {
        let mut map: SmallMap<String, u8> = SmallMap::from_iter(
            [("b", 1), ("c", 2), ("a", 3), ("b", 4)].map(|(key, value)| (key.to_owned(), value)),
        );
        let all = |map: &SmallMap<String, u8>| -> Vec<String> {
            map.iter()
                .map(|(key, value)| format!("{key}{value}"))
                .collect()
        };
        assert_eq!(all(&map), ["a3", "b4", "c2"]);
        assert_eq!((map.get("c"), map.get("d")), (Some(&2), None));
        assert_eq!((map.remove("b"), map.remove("b")), (Some(4), None));
        *map.or_default("a".to_owned()) += 1;
        *map.or_default("0".to_owned()) += 1;
        assert_eq!(all(&map), ["01", "a4", "c2"]);
        assert!(!map.is_empty() && SmallMap::<u8, u8>::default().is_empty());
    }
}
