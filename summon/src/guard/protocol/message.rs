//! The messages between a test process and its guards.

use std::io;
use std::time::Duration;

use super::encoding::{In, Out};
use super::job::{get_stop, put_stop};
use super::wire::garbled;
use crate::guard::databases::{Answer, DatabaseOrder, get_answer, put_answer};
use crate::guard::details::Details;
use crate::guard::state::{Allowed, Notice, Ran, Step, Told, Whom};
use crate::guard::terms::StopPlan;
use crate::sys::Signal;

/// An order to a guard.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Order {
    Signal(Signal, Whom),
    Stop(StopPlan),
    /// Halt all processes of the service, or resume them.
    Pause(bool),
    /// Move all output so far into the log, and answer with the number.
    Sync(u64),
    /// The service has first become ready when the log had this length.
    Ready(u64),
    /// Share the service, and give it to the runner. The users get the details.
    Share(Details),
    /// A test begins to use the service.
    Use(Use),
    /// The test with this number has ended.
    Unuse(u64),
    /// Run the helper command within this time. `apart`: keep standard error apart.
    Run {
        limit: Duration,
        apart: bool,
    },
    Database(DatabaseOrder),
    /// A test allows lines that match this pattern from here on, or no longer.
    Allow {
        pattern: String,
        begins: bool,
    },
    /// A person looks into the service. End it at the latest after this time. `None`: the person has
    /// ended, and an earlier time no longer applies.
    Hold(Option<Duration>),
}

/// A test that uses a shared service.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Use {
    /// Unique among the uses of one process.
    pub(crate) number: u64,
    pub(crate) test: String,
    /// The length of the log at the beginning.
    pub(crate) since: u64,
}

/// News from a guard to its owner and its users.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum News {
    /// The program was exec'ed. The pids are of the guard and of the program.
    Started { guard: u32, pid: u32 },
    /// This step failed, and the program did not start. No other news follows.
    Refused { step: Step, errno: i32 },
    /// The log has this length now.
    Grown(u64),
    /// The program has ended with this wait status.
    Exited(i32),
    /// No process of the service is left.
    Gone,
    /// The service is shared. Has the details from [`Order::Share`].
    Shared(Details),
    /// The service has sent a notice.
    Noticed(Notice),
    /// The grace was over, and the guard killed the service.
    Killed,
    /// The helper command has ended.
    Ran(Ran),
    /// The log has all output from before the request with this number.
    Synced(u64),
    /// A command that follows the stop has ended.
    AfterStop(Ran),
    /// So many bytes of output were lost, for this reason.
    Lost { bytes: u64, errno: i32 },
    /// The guard asks the service to end from now on. `is_ending`: the service had begun to end
    /// before.
    Asked { is_ending: bool },
    /// These processes were killed and do not end.
    Survived(Vec<String>),
    /// The runner has ended, so the guard asks the service to end.
    RunEnded,
    /// The answer to the test that wants a database, with the number of its order.
    Database { number: u64, answer: Answer },
    /// A test allows lines from a place in the output on, or no longer.
    Allowed(Allowed),
    /// The engine has said more about the container.
    Told(Told),
}

impl Order {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Out::default();
        match self {
            Order::Signal(signal, whom) => {
                out.bytes.push(0);
                out.signal(*signal);
                out.flag(*whom == Whom::Leader);
            }
            Order::Stop(plan) => {
                out.bytes.push(1);
                put_stop(&mut out, plan);
            }
            Order::Share(details) => {
                out.bytes.push(2);
                details.put(&mut out);
            }
            Order::Run { limit, apart } => {
                out.bytes.push(3);
                out.duration(*limit);
                out.flag(*apart);
            }
            Order::Pause(pause) => {
                out.bytes.push(4);
                out.flag(*pause);
            }
            Order::Sync(number) => {
                out.bytes.push(5);
                out.number(*number);
            }
            Order::Ready(length) => {
                out.bytes.push(8);
                out.number(*length);
            }
            Order::Use(test) => {
                out.bytes.push(6);
                out.number(test.number);
                out.bytes(test.test.as_bytes());
                out.number(test.since);
            }
            Order::Unuse(number) => {
                out.bytes.push(7);
                out.number(*number);
            }
            Order::Database(order) => {
                out.bytes.push(9);
                order.put(&mut out);
            }
            Order::Allow { pattern, begins } => {
                out.bytes.push(10);
                out.bytes(pattern.as_bytes());
                out.flag(*begins);
            }
            Order::Hold(limit) => {
                out.bytes.push(11);
                out.option(*limit, Out::duration);
            }
        }
        out.bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> io::Result<Order> {
        let (tag, mut from) = In::tagged(bytes)?;
        match tag {
            0 => Ok(Order::Signal(
                from.signal()?,
                match from.flag()? {
                    true => Whom::Leader,
                    false => Whom::Group,
                },
            )),
            1 => Ok(Order::Stop(get_stop(&mut from)?)),
            2 => Ok(Order::Share(Details::get(&mut from)?)),
            3 => Ok(Order::Run {
                limit: from.duration()?,
                apart: from.flag()?,
            }),
            4 => Ok(Order::Pause(from.flag()?)),
            5 => Ok(Order::Sync(from.number()?)),
            6 => Ok(Order::Use(Use {
                number: from.number()?,
                test: from.text()?,
                since: from.number()?,
            })),
            7 => Ok(Order::Unuse(from.number()?)),
            8 => Ok(Order::Ready(from.number()?)),
            9 => Ok(Order::Database(DatabaseOrder::get(&mut from)?)),
            10 => Ok(Order::Allow {
                pattern: from.text()?,
                begins: from.flag()?,
            }),
            11 => Ok(Order::Hold(from.option(In::duration)?)),
            _ => Err(garbled()),
        }
    }
}

impl News {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Out::default();
        let mut tag = |tag: u8| out.bytes.push(tag);
        match self {
            News::Started { guard, pid } => {
                tag(0);
                out.number((*guard).into());
                out.number((*pid).into());
            }
            News::Refused { step, errno } => {
                tag(1);
                out.number(*step as u64);
                out.signed(*errno);
            }
            News::Grown(length) => {
                tag(2);
                out.number(*length);
            }
            News::Exited(status) => {
                tag(3);
                out.signed(*status);
            }
            News::Gone => tag(4),
            News::Shared(details) => {
                tag(5);
                details.put(&mut out);
            }
            News::Noticed(notice) => {
                tag(6);
                out.flag(notice.ready);
                out.bytes(notice.status.as_bytes());
                out.option(notice.extend, Out::duration);
            }
            News::Killed => tag(7),
            News::Ran(ran) => {
                tag(8);
                put_ran(&mut out, ran);
            }
            News::Synced(number) => {
                tag(9);
                out.number(*number);
            }
            News::AfterStop(ran) => {
                tag(10);
                put_ran(&mut out, ran);
            }
            News::Lost { bytes, errno } => {
                tag(11);
                out.number(*bytes);
                out.signed(*errno);
            }
            News::Asked { is_ending } => {
                tag(12);
                out.flag(*is_ending);
            }
            News::Survived(names) => {
                tag(13);
                out.list(names, |out, name| out.bytes(name.as_bytes()));
            }
            News::RunEnded => tag(14),
            News::Database { number, answer } => {
                tag(15);
                out.number(*number);
                put_answer(&mut out, answer);
            }
            News::Allowed(allowed) => {
                tag(16);
                out.bytes(allowed.pattern.as_bytes());
                out.flag(allowed.begins);
                out.number(allowed.log);
                allowed.streams.iter().for_each(|it| out.number(*it));
            }
            News::Told(told) => {
                tag(17);
                let Told {
                    before,
                    created,
                    inspected,
                    left,
                } = told;
                out.option(before.as_ref(), |out, (index, ran)| {
                    out.number(*index as u64);
                    put_ran(out, ran);
                });
                for ran in [created, inspected, left] {
                    out.option(ran.as_ref(), put_ran);
                }
            }
        }
        out.bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> io::Result<News> {
        let (tag, mut from) = In::tagged(bytes)?;
        Ok(match tag {
            0 => News::Started {
                guard: from.number()? as u32,
                pid: from.number()? as u32,
            },
            1 => News::Refused {
                step: Step::of_number(from.number()?),
                errno: from.signed()?,
            },
            2 => News::Grown(from.number()?),
            3 => News::Exited(from.signed()?),
            4 => News::Gone,
            5 => News::Shared(Details::get(&mut from)?),
            6 => News::Noticed(Notice {
                ready: from.flag()?,
                status: from.text()?,
                extend: from.option(In::duration)?,
            }),
            7 => News::Killed,
            8 => News::Ran(get_ran(&mut from)?),
            9 => News::Synced(from.number()?),
            10 => News::AfterStop(get_ran(&mut from)?),
            11 => News::Lost {
                bytes: from.number()?,
                errno: from.signed()?,
            },
            12 => News::Asked {
                is_ending: from.flag()?,
            },
            13 => News::Survived(from.list(In::text)?),
            14 => News::RunEnded,
            15 => News::Database {
                number: from.number()?,
                answer: get_answer(&mut from)?,
            },
            16 => News::Allowed(Allowed {
                pattern: from.text()?,
                begins: from.flag()?,
                log: from.number()?,
                streams: [from.number()?, from.number()?],
            }),
            17 => News::Told(Told {
                before: from.option(|from| Ok((from.number()? as usize, get_ran(from)?)))?,
                created: from.option(get_ran)?,
                inspected: from.option(get_ran)?,
                left: from.option(get_ran)?,
            }),
            _ => return Err(garbled()),
        })
    }
}

fn put_ran(out: &mut Out<'_>, ran: &Ran) {
    out.option(ran.status, Out::signed);
    out.bytes(&ran.output);
    out.bytes(&ran.errors);
}

fn get_ran(from: &mut In<'_>) -> io::Result<Ran> {
    Ok(Ran {
        status: from.option(In::signed)?,
        output: from.bytes()?.to_vec(),
        errors: from.bytes()?.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_are_read_as_they_were_written() {
        let notice = Notice {
            ready: true,
            status: "half way".into(),
            extend: Some(Duration::from_micros(7)),
        };
        let ran = Ran {
            status: Some(256),
            output: b"no".to_vec(),
            errors: b"why".to_vec(),
        };
        for news in [
            News::Noticed(notice),
            News::Ran(ran),
            News::Killed,
            News::Asked { is_ending: true },
            News::Exited(-1),
            News::Survived(vec!["pid 7 (`su`)".into()]),
            News::RunEnded,
            News::Allowed(Allowed {
                pattern: "ERROR".into(),
                begins: true,
                log: 1,
                streams: [2, 3],
            }),
        ] {
            assert_eq!(News::decode(&news.encode()).unwrap(), news);
        }
    }

    #[test]
    fn garbage_is_an_error_and_not_a_panic() {
        assert!(Order::decode(&[]).is_err());
        assert!(News::decode(&[99, 9]).is_err());
    }
}
