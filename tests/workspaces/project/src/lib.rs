//! A package with tests only. rustdoc runs this one:
//!
//! ```
//! #[summon::fixture(
//!     tcp = [
//!         std::env::var("ACTOR").unwrap(),
//!         "farewell".into(), std::env::var("RECORD").unwrap(), "-run".into(),
//!         "record".into(), std::env::var("RECORD").unwrap(), "run".into(),
//!         "listen".into(), "127.0.0.1:{port}".into(),
//!     ],
//!     scope = "run",
//! )]
//! static SERVER: summon::Fixture;
//!
//! assert!(SERVER.is_running());
//! ```
