//! The orders to a link, and its answers.

use std::io;
use std::net::SocketAddr;

use super::faults::{Close, Counts, Faults, Root, Separated, WayFaults};
use crate::guard::protocol::encoding::{In, Out};
use crate::guard::protocol::wire::garbled;

/// An order to a link. It answers each one when it is in force.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::guard) enum LinkOrder {
    Faults(Faults),
    /// New connections lead to this address.
    Target(SocketAddr),
    /// Count the connections.
    Count,
    /// Separate these nodes, and no others, from the node behind this link.
    Separate(Separated),
}

/// The answer to an order.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::guard) enum LinkAnswer {
    Done(Counts),
    Failed(i32),
}

impl LinkOrder {
    /// `number` is that of the order, which its answer repeats.
    pub(in crate::guard) fn encode(&self, number: u64) -> Vec<u8> {
        let mut out = Out::default();
        out.number(number);
        match self {
            LinkOrder::Faults(faults) => {
                out.number(0);
                out.flag(faults.cut);
                out.flag(faults.blackhole);
                faults.to_server.put(&mut out);
                faults.to_client.put(&mut out);
            }
            LinkOrder::Target(addr) => {
                out.number(1);
                out.bytes(addr.to_string().as_bytes());
            }
            LinkOrder::Count => out.number(2),
            LinkOrder::Separate(Separated {
                guards,
                is_launching,
            }) => {
                out.number(3);
                out.list(guards, |out, guard| {
                    out.number(guard.pid.into());
                    out.number(guard.identity);
                });
                out.flag(*is_launching);
            }
        }
        out.bytes
    }

    /// Returns the number of the order, and the order.
    pub(in crate::guard) fn decode(bytes: &[u8]) -> io::Result<(u64, LinkOrder)> {
        let mut from = In::new(bytes, Vec::new());
        let number = from.number()?;
        let order = match from.number()? {
            0 => LinkOrder::Faults(Faults {
                cut: from.flag()?,
                blackhole: from.flag()?,
                to_server: WayFaults::get(&mut from)?,
                to_client: WayFaults::get(&mut from)?,
            }),
            1 => LinkOrder::Target(from.text()?.parse().map_err(|_| garbled())?),
            2 => LinkOrder::Count,
            3 => LinkOrder::Separate(Separated {
                guards: from.list(|from| {
                    Ok(Root {
                        pid: from.number()? as u32,
                        identity: from.number()?,
                    })
                })?,
                is_launching: from.flag()?,
            }),
            _ => return Err(garbled()),
        };
        Ok((number, order))
    }
}

impl LinkAnswer {
    /// `number` is that of the order.
    pub(in crate::guard) fn encode(&self, number: u64) -> Vec<u8> {
        let mut out = Out::default();
        out.number(number);
        match self {
            LinkAnswer::Done(counts) => {
                out.number(0);
                out.number(counts.open);
                out.number(counts.accepted);
                out.number(counts.to_server);
                out.number(counts.to_client);
            }
            LinkAnswer::Failed(errno) => {
                out.number(1);
                out.signed(*errno);
            }
        }
        out.bytes
    }

    /// Returns the number of the order, and the answer.
    pub(in crate::guard) fn decode(bytes: &[u8]) -> io::Result<(u64, LinkAnswer)> {
        let mut from = In::new(bytes, Vec::new());
        let number = from.number()?;
        let answer = match from.number()? {
            0 => LinkAnswer::Done(Counts {
                open: from.number()?,
                accepted: from.number()?,
                to_server: from.number()?,
                to_client: from.number()?,
            }),
            1 => LinkAnswer::Failed(from.signed()?),
            _ => return Err(garbled()),
        };
        Ok((number, answer))
    }
}

impl WayFaults {
    fn put(&self, out: &mut Out<'_>) {
        out.flag(self.silent);
        out.duration(self.delay);
        out.duration(self.jitter);
        out.option(self.limit, Out::number);
        out.option(self.close, |out, close| {
            out.number(close.after);
            out.number(close.order);
        });
    }

    fn get(from: &mut In<'_>) -> io::Result<WayFaults> {
        Ok(WayFaults {
            silent: from.flag()?,
            delay: from.duration()?,
            jitter: from.duration()?,
            limit: from.option(In::number)?,
            close: from.option(|from| {
                Ok(Close {
                    after: from.number()?,
                    order: from.number()?,
                })
            })?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn orders_and_answers_are_read_as_they_were_written() {
        let way = WayFaults {
            silent: true,
            delay: Duration::from_millis(100),
            jitter: Duration::from_micros(7),
            limit: Some(8),
            close: Some(Close { after: 9, order: 2 }),
        };
        let faults = Faults {
            cut: true,
            blackhole: false,
            to_server: way.clone(),
            to_client: WayFaults {
                silent: false,
                close: None,
                ..way
            },
        };
        for order in [
            LinkOrder::Faults(faults),
            LinkOrder::Target("[::1]:80".parse().unwrap()),
            LinkOrder::Count,
            LinkOrder::Separate(Separated {
                guards: [7, u32::MAX].map(|pid| Root { pid, identity: 8 }).to_vec(),
                is_launching: true,
            }),
        ] {
            let bytes = order.encode(7);
            assert_eq!(LinkOrder::decode(&bytes).unwrap(), (7, order));
            for length in 0..bytes.len() {
                assert!(LinkOrder::decode(&bytes[..length]).is_err(), "{length}");
            }
        }
        let counts = Counts {
            open: 1,
            accepted: 2,
            to_server: 3,
            to_client: 4,
        };
        for answer in [LinkAnswer::Done(counts), LinkAnswer::Failed(98)] {
            let bytes = answer.encode(7);
            assert_eq!(LinkAnswer::decode(&bytes).unwrap(), (7, answer));
            assert!(LinkAnswer::decode(&bytes[..bytes.len() - 1]).is_err());
        }
    }
}
