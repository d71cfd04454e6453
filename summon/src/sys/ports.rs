//! Facts about ports from the kernel: the ephemeral range, free ports, and claims.

use std::ops::RangeInclusive;

pub(crate) use super::bind::{is_bound, is_free, is_held, is_local, is_taken};
use super::port_claims;
pub(crate) use super::port_claims::{
    Holder, Signed, claim, holder, keeper, sign, tidy, what_is_claimed,
};

/// Returns the range of ephemeral ports. The kernel may give one of these to any socket at any
/// moment.
pub(crate) fn ephemeral() -> RangeInclusive<u16> {
    let (first, last) = port_claims::ephemeral().unwrap_or(port_claims::EPHEMERAL);
    first..=last
}
