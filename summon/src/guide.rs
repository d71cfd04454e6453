//! Pages of documentation, one per subject. These modules contain no code.

#[doc = include_str!("../docs/own-service.md")]
pub mod own_service {}

#[doc = include_str!("../docs/executors.md")]
pub mod executors {}

#[doc = include_str!("../docs/readiness.md")]
pub mod readiness {}

#[doc = include_str!("../docs/ports.md")]
pub mod ports {}

#[doc = include_str!("../docs/fixtures.md")]
pub mod fixtures {}

#[doc = include_str!("../docs/databases.md")]
pub mod databases {}

#[doc = include_str!("../docs/images.md")]
pub mod images {}

#[doc = include_str!("../docs/links.md")]
pub mod links {}

#[doc = include_str!("../docs/clusters.md")]
pub mod clusters {}

#[doc = concat!("[picture]: data:image/svg+xml;base64,", include_str!("../docs/how-it-works.svg.base64"))]
#[doc = include_str!("../docs/lifecycle.md")]
pub mod lifecycle {}

#[doc = include_str!("../docs/recipes.md")]
pub mod recipes {}

#[doc = include_str!("../docs/failures.md")]
#[doc = include_str!("../docs/trace.svg")]
pub mod failures {}

#[doc = include_str!("../docs/debugging.md")]
pub mod debugging {}

#[doc = include_str!("../docs/compile-errors.md")]
pub mod compile_errors {}

#[doc = include_str!("../docs/platforms.md")]
pub mod platforms {}

#[doc = include_str!("../docs/comparison.md")]
pub mod comparison {}

#[doc = include_str!("../docs/ecosystem.md")]
pub mod ecosystem {}
