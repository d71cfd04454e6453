//! Starts and stops nodes along an order, in parallel where the order allows.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::order::Order;
use crate::error::Error;
use crate::executor::Executor;
use crate::process::Process;
use crate::trace::Context;

/// Starts all nodes or none. After the first error, stops all nodes, including nodes that are still
/// starting, and returns that error.
pub(super) fn start(nodes: &[&dyn Executor], order: &Order) -> Result<(), Error> {
    let runs = |node: &&dyn Executor| node.process().is_some_and(Process::is_running);
    // A node that runs already is not stopped here: its start returns an error.
    let ran: Vec<bool> = nodes.iter().map(runs).collect();
    let walked = walk(
        order,
        OnError::GiveUp,
        |index| nodes[index].start(),
        |running| {
            // The walk waits for starts in progress. A stop cancels them.
            let ours = running.iter().filter(|index| !ran[**index]);
            ours.for_each(|index| drop(nodes[*index].stop()));
        },
    );
    let Some((failed, first)) = walked.errors.first() else {
        return Ok(());
    };
    let first = first.clone();
    let first = match picture(nodes, &walked, *failed, &ran) {
        Some(picture) => first.fact("set", picture),
        None => first,
    };
    let stop = |index: usize| match walked.begun[index] && !ran[index] {
        true => nodes[index].stop(),
        false => Ok(()),
    };
    walk(&order.reversed(), OnError::GoOn, stop, |_| ());
    Err(first)
}

/// Stops all nodes, each after the nodes that depend on it. Returns the first error.
pub(super) fn stop(nodes: &[&dyn Executor], order: &Order) -> Result<(), Error> {
    let walked = walk(
        &order.reversed(),
        OnError::GoOn,
        |index| nodes[index].stop(),
        |_| (),
    );
    let first = walked.errors.into_iter().next();
    first.map_or(Ok(()), |(_, error)| Err(error))
}

/// Describes the other nodes after one has failed to start.
fn picture(
    nodes: &[&dyn Executor],
    walked: &Walked,
    failed: usize,
    ran: &[bool],
) -> Option<String> {
    let names = |is: &dyn Fn(usize) -> bool| {
        let these = (0..nodes.len()).filter(|index| *index != failed && is(*index));
        let names: Vec<_> = these
            .map(|index| super::name(nodes[index]).unwrap_or("an executor without a process"))
            .collect();
        names.join(", ")
    };
    let given_up = |index: usize| walked.given_up.contains(&index);
    let is_shared = |index: usize| nodes[index].shared_as().is_some();
    let is_up = |index: usize| walked.begun[index] && !given_up(index) && !ran[index];
    let lines = [
        ("already running: ", names(&|index| ran[index])),
        (
            "started, then stopped: ",
            names(&|index| is_up(index) && !is_shared(index)),
        ),
        (
            "started, left to other tests: ",
            names(&|index| is_up(index) && is_shared(index)),
        ),
        (
            "start cancelled: ",
            names(&|index| given_up(index) && !ran[index]),
        ),
        (
            "not started: ",
            names(&|index| !walked.begun[index] && !ran[index]),
        ),
    ];
    let lines: Vec<String> = lines
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(what, names)| what.to_owned() + &names)
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

#[derive(Clone, Copy, PartialEq)]
enum OnError {
    GoOn,
    /// Begin no other node, and call `give_up` for the running nodes until they have ended. Repeat
    /// the call: the first may come before a start is far enough to be cancelled.
    GiveUp,
}

const AGAIN: Duration = Duration::from_millis(20);

struct Walked {
    begun: Vec<bool>,
    /// The errors, first to last, each with its node.
    errors: Vec<(usize, Error)>,
    /// The nodes that were running at the first error.
    given_up: Vec<usize>,
}

/// Calls `act` for each node when all its predecessors are done, in parallel where possible.
fn walk(
    order: &Order,
    on_error: OnError,
    act: impl Fn(usize) -> Result<(), Error> + Sync,
    give_up: impl Fn(&[usize]),
) -> Walked {
    let count = order.before.len();
    let mut waiting: Vec<usize> = (0..count).collect();
    let mut running: Vec<usize> = Vec::new();
    let mut done = vec![false; count];
    let mut walked = Walked {
        begun: vec![false; count],
        errors: Vec::new(),
        given_up: Vec::new(),
    };
    let (tell, told) = mpsc::channel();
    let context = Context::here();
    let act = |index: usize| {
        // A panic of one node must neither block the others forever nor leave them running.
        let acted = catch_unwind(AssertUnwindSafe(|| context.within(|| act(index))));
        acted.unwrap_or_else(|panic| Err(Error::new("an executor panicked").panicked(&*panic)))
    };
    thread::scope(|scope| {
        loop {
            let is_free = |index: &usize| order.before[*index].iter().all(|before| done[*before]);
            let (free, rest): (Vec<usize>, Vec<usize>) = waiting.iter().partition(|it| is_free(it));
            waiting = rest;
            if free.is_empty() && running.is_empty() {
                return;
            }
            for index in free {
                walked.begun[index] = true;
                running.push(index);
                let (tell, act) = (tell.clone(), &act);
                // Use a thread even for a single node: whether an executor may, for example, block
                // on a future must not depend on the number of nodes.
                scope.spawn(move || drop(tell.send((index, act(index)))));
            }
            let giving_up = on_error == OnError::GiveUp && !walked.errors.is_empty();
            let (index, result) = match told.recv_timeout(if giving_up { AGAIN } else { FOREVER }) {
                Ok(told) => told,
                Err(RecvTimeoutError::Timeout) => {
                    if giving_up {
                        give_up(&running);
                    }
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
            running.retain(|other| *other != index);
            done[index] = true;
            if let Err(error) = result {
                walked.errors.push((index, error));
                if on_error == OnError::GiveUp {
                    waiting.clear();
                    if walked.errors.len() == 1 {
                        walked.given_up.clone_from(&running);
                    }
                    give_up(&running);
                }
            }
        }
    });
    walked
}

const FOREVER: Duration = Duration::from_secs(3600);
