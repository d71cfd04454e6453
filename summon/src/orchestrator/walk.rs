//! Starts and stops nodes along an order, in parallel where the order allows.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;

use super::order::{Order, name};
use crate::error::Error;
use crate::executor::Executor;
use crate::hold;
use crate::process::{JointStart, Process};
use crate::trace::Context;

/// Starts all nodes or none. After the first error, or if `start` is called off, stops all nodes,
/// including nodes that are still starting. Returns the first error.
///
/// `label` is that of the picture of the other nodes in the report. `note` is called for each node
/// that has started, before the nodes that depend on it start.
pub(crate) fn start(
    nodes: &[&dyn Executor],
    order: &Order,
    start: &JointStart,
    label: &'static str,
    note: impl Fn(&dyn Executor) + Sync,
) -> Result<(), Error> {
    let runs = |node: &&dyn Executor| {
        let processes = node.processes();
        !processes.is_empty() && processes.into_iter().all(Process::is_running)
    };
    // A node that runs already is not stopped here: its start returns an error.
    let ran: Vec<bool> = nodes.iter().map(runs).collect();
    let give_up = |index: usize| match ran[index] {
        true => Ok(()),
        false => nodes[index].stop(),
    };
    let begin = |index: usize| {
        let node = nodes[index];
        let started = node.start();
        if let Some(error) = started.as_ref().err().filter(|_| !start.is_called_off()) {
            hold::at_failed_start(error);
        }
        started?;
        // Nodes that name it start later.
        note(node);
        Ok(())
    };
    let walked = walk(order, Some((start, &give_up)), begin);
    let error = match walked.errors.first() {
        Some((failed, first)) => match picture(nodes, &walked, *failed, &ran) {
            Some(picture) => first.clone().fact(label, picture),
            None => first.clone(),
        },
        None if start.is_called_off() => {
            Error::new("the executors were stopped before all of them were ready")
        }
        None => return Ok(()),
    };
    let stop = |index: usize| match walked.begun[index] {
        true => give_up(index),
        false => Ok(()),
    };
    walk(&order.reversed(), None, stop);
    Err(error)
}

/// Stops all nodes, each after the nodes that depend on it. Returns the first error.
///
/// `failed` is called with each error, before the nodes stop on which the failed one depends.
pub(crate) fn stop(
    nodes: &[&dyn Executor],
    order: &Order,
    failed: impl Fn(&Error) + Sync,
) -> Result<(), Error> {
    act(order, |index| nodes[index].stop().inspect_err(&failed))
}

/// Calls `act` for each node, each after the nodes that depend on it. Returns the first error.
pub(crate) fn act(
    order: &Order,
    act: impl Fn(usize) -> Result<(), Error> + Sync,
) -> Result<(), Error> {
    let walked = walk(&order.reversed(), None, act);
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
            .map(|index| name(nodes[index]).unwrap_or("an executor without a process"))
            .collect();
        names.join(", ")
    };
    let is_shared = |index: usize| nodes[index].shared_as().is_some();
    // A fixture starts for other tests, too, so a set that fails does not cancel its start.
    let given_up = |index: usize| walked.given_up.contains(&index) && !is_shared(index);
    let has_failed = |index: usize| walked.errors.iter().any(|(failed, _)| *failed == index);
    let is_up = |index: usize| walked.begun[index] && !given_up(index) && !ran[index];
    let lines = [
        ("already running: ", names(&|index| ran[index])),
        (
            "started, then stopped: ",
            names(&|index| is_up(index) && !is_shared(index)),
        ),
        (
            "started, left to other tests: ",
            names(&|index| is_up(index) && is_shared(index) && !has_failed(index)),
        ),
        (
            "start cancelled: ",
            names(&|index| given_up(index) && !ran[index]),
        ),
        (
            "not started: ",
            names(&|index| {
                let has_failed = is_shared(index) && has_failed(index);
                (!walked.begun[index] || has_failed) && !ran[index]
            }),
        ),
    ];
    let lines: Vec<String> = lines
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(what, names)| what.to_owned() + &names)
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

struct Walked {
    begun: Vec<bool>,
    /// The errors, first to last, each with its node.
    errors: Vec<(usize, Error)>,
    /// The nodes that were running at the first error.
    given_up: Vec<usize>,
}

type Act<'a> = &'a (dyn Fn(usize) -> Result<(), Error> + Sync);

/// Calls `act` for each node when all its predecessors are done, in parallel where possible.
///
/// A start begins no other node after it is called off. The first error calls it off, and the
/// function beside it is then called for each running node. That makes `act` return: a process that
/// has not claimed its start by then refuses to start.
fn walk(
    order: &Order,
    start: Option<(&JointStart, Act<'_>)>,
    act: impl Fn(usize) -> Result<(), Error> + Sync,
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
    let safely = |act: Act<'_>, index: usize| {
        // A panic of one node must neither block the others forever nor leave them running.
        let acted = catch_unwind(AssertUnwindSafe(|| context.within(|| act(index))));
        acted.unwrap_or_else(|panic| Err(Error::new("an executor panicked").panicked(&*panic)))
    };
    let (act, safely): (Act<'_>, _) = (&act, &safely);
    thread::scope(|scope| {
        loop {
            if start.is_some_and(|(start, _)| start.is_called_off()) {
                waiting.clear();
            }
            let is_free = |index: &usize| order.before[*index].iter().all(|before| done[*before]);
            let (free, rest): (Vec<usize>, Vec<usize>) = waiting.iter().partition(|it| is_free(it));
            waiting = rest;
            for index in free {
                walked.begun[index] = true;
                running.push(index);
                let tell = tell.clone();
                // Use a thread even for a single node: whether an executor may, for example, block
                // on a future must not depend on the number of nodes.
                scope.spawn(move || drop(tell.send((index, safely(act, index)))));
            }
            if running.is_empty() {
                return;
            }
            let (index, result) = told.recv().expect("`tell` is alive");
            running.retain(|other| *other != index);
            done[index] = true;
            let Err(error) = result else {
                continue;
            };
            if let Some((start, give_up)) = start.filter(|_| walked.errors.is_empty()) {
                start.call_off();
                walked.given_up.clone_from(&running);
                for index in running.iter().copied() {
                    scope.spawn(move || drop(safely(give_up, index)));
                }
            }
            walked.errors.push((index, error));
        }
    });
    walked
}
