//! memcached, with the crate `memcache`.
//!
//! `servers::Memcached` sets the flags and the user. memcached refuses to run as root, so root runs
//! it as `memcache`. It has no data to lose, so SIGKILL ends it. SIGTERM sometimes takes a second.

use summon::{servers::Memcached, summon};

#[summon(executor = Memcached::new())]
#[test]
#[cfg_attr(not(has_memcached), ignore = "no memcached here")]
fn caches(cache: &Memcached) -> Result<(), memcache::MemcacheError> {
    let client = memcache::connect(cache.url("/"))?;
    client.set("name", "Lisa", 60)?;
    assert_eq!(client.get("name")?, Some("Lisa".to_owned()));
    Ok(())
}

/// A value of more than a megabyte does not fit.
#[summon(executor = Memcached::new().args(["-m", "8"]))]
#[test]
#[cfg_attr(not(has_memcached), ignore = "no memcached here")]
fn refuses_what_is_too_large(cache: &Memcached) -> Result<(), memcache::MemcacheError> {
    let client = memcache::connect(cache.url("/"))?;
    let refused = client.set("name", "x".repeat(2_000_000), 60).unwrap_err();
    assert!(refused.to_string().contains("too large"), "{refused}");
    assert_eq!(client.get::<String>("name")?, None);
    Ok(())
}
