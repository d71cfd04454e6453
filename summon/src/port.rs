//! Free ports that stay ours.

use std::os::fd::OwnedFd;

use crate::error::Error;
use crate::session::random;
use crate::sys::ports;

/// Below are ports that people know by heart, and that fixed configurations use.
const FIRST: u16 = 10_000;

/// A port that no other user of summon on this machine has, for as long as this value or a copy
/// of its claim lives. The guard of a service holds such a copy.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) port: u16,
    claim: OwnedFd,
}

impl Lease {
    /// Picks a free port outside the range from which the kernel serves everybody.
    pub(crate) fn pick() -> Result<Lease, Error> {
        let ephemeral = ports::ephemeral();
        let outside: Vec<u16> = (FIRST..=u16::MAX)
            .filter(|port| !ephemeral.contains(port))
            .collect();
        // A machine whose ephemeral range is everything leaves us no better choice.
        let ports = if outside.is_empty() {
            (FIRST..=u16::MAX).collect()
        } else {
            outside
        };
        let start = random() as usize % ports.len();
        let (behind, ahead) = ports.split_at(start);
        for port in ahead.iter().chain(behind) {
            // Claim first, look afterwards: what is free now is not given to anybody else.
            match ports::claim(*port) {
                Ok(Some(claim)) if ports::is_free(*port) => {
                    return Ok(Lease { port: *port, claim });
                }
                Ok(_) => {}
                Err(error) => return Err(Error::new(format!("no port can be leased: {error}"))),
            }
        }
        Err(Error::new(format!(
            "no free port: all {} outside the ephemeral range {}-{} are taken",
            ports.len(),
            ephemeral.start(),
            ephemeral.end()
        )))
    }

    /// A copy of the claim, for a guard to hold.
    pub(crate) fn share(&self) -> std::io::Result<OwnedFd> {
        self.claim.try_clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_are_distinct_and_outside_the_ephemeral_range() {
        let leases: Vec<_> = (0..100).map(|_| Lease::pick().unwrap()).collect();
        let mut seen: Vec<_> = leases.iter().map(|lease| lease.port).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 100);
        let ephemeral = ports::ephemeral();
        assert!(seen.iter().all(|port| !ephemeral.contains(port)));
    }

    #[test]
    fn a_lease_lasts_as_long_as_a_copy_of_its_claim() {
        let lease = Lease::pick().unwrap();
        let (port, copy) = (lease.port, lease.share().unwrap());
        drop(lease);
        assert!(ports::claim(port).unwrap().is_none());
        drop(copy);
        // A fork elsewhere in this test binary may hold a closed descriptor for a moment.
        let limit = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while ports::claim(port).unwrap().is_none() {
            assert!(
                std::time::Instant::now() < limit,
                "the claim is never given back"
            );
            std::thread::yield_now();
        }
    }
}
