//! The faults of a link.

use std::fmt;
use std::mem;
use std::time::Duration;

use crate::guard::{Close, Faults, WayFaults};
use crate::limit::Limit;
use crate::size::Size;

/// A direction of a link.
///
/// ```no_run
/// use summon::Way;
///
/// # let api = summon::SimpleExecutor::new("my-api --port {port}").link()?;
/// api.one_way(Way::ToServer).delay("50ms")?; // requests arrive 50 ms later, answers at once
/// # Ok::<(), summon::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// From clients to the server.
    ToServer,
    /// From the server to clients.
    ToClient,
}

/// A delay, with its jitter: a duration as in [`Limit`], or a pair of durations.
///
/// ```no_run
/// # let link = summon::SimpleExecutor::new("my-api --port {port}").link()?;
/// link.delay("100ms")?;
/// link.delay(("100ms", "20ms"))?;          // 80 to 120 ms
/// # Ok::<(), summon::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Delay {
    delay: Limit,
    jitter: Limit,
}

impl Delay {
    pub(super) fn get(&self) -> Result<(Duration, Duration), String> {
        Ok((self.delay.get()?, self.jitter.get()?))
    }
}

impl<A: Into<Limit>, B: Into<Limit>> From<(A, B)> for Delay {
    fn from((delay, jitter): (A, B)) -> Delay {
        Delay {
            delay: delay.into(),
            jitter: jitter.into(),
        }
    }
}

macro_rules! without_jitter {
    ($($type:ty),*) => {$(
        impl From<$type> for Delay {
            fn from(delay: $type) -> Delay {
                Delay::from((delay, Duration::ZERO))
            }
        }
    )*};
}

without_jitter!(&str, String, Duration);

/// Reads a bandwidth.
pub(super) fn bytes_per_second(size: &Size) -> Result<u64, String> {
    match size.get()? {
        0 => Err("with 0 bytes per second no byte would ever pass; use `silence`".to_owned()),
        bytes => Ok(bytes),
    }
}

/// A fault. Some are in one direction, or in both if that is `None`.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    Cut,
    Blackhole,
    Silence(Option<Way>),
    Delay(Way, Duration, Duration),
    Limit(Option<Way>, u64),
    CloseAfter(Way, u64),
}

fn way_of(faults: &mut Faults, way: Way) -> &mut WayFaults {
    match way {
        Way::ToServer => &mut faults.to_server,
        Way::ToClient => &mut faults.to_client,
    }
}

fn ways(way: Option<Way>) -> impl Iterator<Item = Way> {
    let both = [Way::ToServer, Way::ToClient].into_iter();
    both.filter(move |one| way.is_none_or(|way| way == *one))
}

/// Returns all faults in words, and the names of separated nodes.
pub(super) fn with_separated(faults: &Faults, separated: &str) -> String {
    let mut all = all(faults);
    if !separated.is_empty() {
        let comma = if all.is_empty() { "" } else { ", " };
        all += &format!("{comma}separated from {separated}");
    }
    all
}

/// Returns the text of all faults. It is empty if there are none.
fn all(faults: &Faults) -> String {
    let (up, down) = (&faults.to_server, &faults.to_client);
    let mut all = Vec::new();
    all.extend(faults.cut.then_some(Fault::Cut));
    all.extend(faults.blackhole.then_some(Fault::Blackhole));
    if up.silent && down.silent {
        all.push(Fault::Silence(None));
    }
    if up.limit == down.limit {
        all.extend(up.limit.map(|limit| Fault::Limit(None, limit)));
    }
    for (way, it, other) in [(Way::ToServer, up, down), (Way::ToClient, down, up)] {
        if it.silent && !other.silent {
            all.push(Fault::Silence(Some(way)));
        }
        if !it.delay.is_zero() || !it.jitter.is_zero() {
            all.push(Fault::Delay(way, it.delay, it.jitter));
        }
        if it.limit != other.limit {
            all.extend(it.limit.map(|limit| Fault::Limit(Some(way), limit)));
        }
        all.extend(it.close.map(|close| Fault::CloseAfter(way, close.after)));
    }
    let all: Vec<String> = all.iter().map(Fault::to_string).collect();
    all.join(", ")
}

impl Fault {
    /// Adds the fault. `order` is its number: a later one has a higher number.
    pub(super) fn put(&self, faults: &mut Faults, order: u64) {
        match *self {
            Fault::Cut => faults.cut = true,
            Fault::Blackhole => faults.blackhole = true,
            Fault::Silence(way) => ways(way).for_each(|way| way_of(faults, way).silent = true),
            Fault::Delay(way, delay, jitter) => {
                let way = way_of(faults, way);
                (way.delay, way.jitter) = (delay, jitter);
            }
            Fault::Limit(way, limit) => {
                ways(way).for_each(|way| way_of(faults, way).limit = Some(limit));
            }
            Fault::CloseAfter(way, after) => {
                way_of(faults, way).close = Some(Close { after, order });
            }
        }
    }

    /// Whether nothing is left of the other fault while this one is in force.
    pub(super) fn hides(&self, other: &Fault) -> bool {
        let is_same = mem::discriminant(self) == mem::discriminant(other);
        is_same && (self.way().is_none() || self.way() == other.way())
    }

    /// Returns the direction. `None` means both.
    fn way(&self) -> Option<Way> {
        match *self {
            Fault::Cut | Fault::Blackhole => None,
            Fault::Silence(way) | Fault::Limit(way, _) => way,
            Fault::Delay(way, ..) | Fault::CloseAfter(way, _) => Some(way),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self {
            Fault::Cut => return f.write_str("cut"),
            Fault::Blackhole => return f.write_str("blackholed"),
            Fault::Silence(way) => {
                f.write_str("silenced")?;
                *way
            }
            Fault::Delay(way, delay, jitter) => {
                write!(f, "delayed by {delay:?}")?;
                if !jitter.is_zero() {
                    write!(f, " \u{b1} {jitter:?}")?;
                }
                // The usual way goes without saying.
                Some(*way).filter(|way| *way == Way::ToServer)
            }
            Fault::Limit(way, limit) => {
                write!(f, "limited to {limit} bytes per second")?;
                *way
            }
            Fault::CloseAfter(way, after) => {
                write!(f, "closed after {after} bytes")?;
                Some(*way).filter(|way| *way == Way::ToServer)
            }
        };
        match way {
            None => Ok(()),
            Some(Way::ToServer) => f.write_str(" to the server"),
            Some(Way::ToClient) => f.write_str(" to the client"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_told_as_one_text() {
        let mut faults = Faults::default();
        assert_eq!(all(&faults), "");
        let second = Duration::from_secs(1);
        for fault in [
            Fault::Delay(Way::ToServer, second, Duration::ZERO),
            Fault::Silence(Some(Way::ToClient)),
            Fault::Limit(None, 7),
            Fault::CloseAfter(Way::ToClient, 8),
        ] {
            fault.put(&mut faults, 1);
        }
        let told = "limited to 7 bytes per second, delayed by 1s to the server, silenced to the client, \
                    closed after 8 bytes";
        assert_eq!(all(&faults), told);
        Fault::Cut.put(&mut faults, 2);
        Fault::Silence(None).put(&mut faults, 3);
        Fault::Limit(Some(Way::ToServer), 9).put(&mut faults, 4);
        let told = "cut, silenced, delayed by 1s to the server, limited to 9 bytes per second to the server, \
                    limited to 7 bytes per second to the client, closed after 8 bytes";
        assert_eq!(all(&faults), told);
    }
}
