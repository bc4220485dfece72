//! A caller: a call of `billing` every 20 ms, or of the region's till, without a retry, and a line about each.

use std::time::Duration;

use quorate::prelude::*;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::billing::{Billing, Receipt};
use super::calls::{Call, Outcome};
use super::clock::now_ns;
use super::lines::Line;
use super::till::Till;

/// The time between two calls.
const EVERY: Duration = Duration::from_millis(20);
/// How many calls may be on their way: twice what the longest deadline needs.
const IN_FLIGHT_MAX: usize = 512;
/// What each call charges.
const CENTS: u64 = 100;

/// What the driver wants of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The deadline of each call.
    pub deadline: Duration,
    /// Whether to go on calling.
    pub calling: bool,
}

/// Calls `billing` until that is no longer wished, waits for the calls on their way, and says so.
pub async fn run(billing: ActorRef<Billing>, wish: watch::Receiver<Wish>, lines: mpsc::Sender<Line>) {
    let one = |seq, deadline| charge(billing.clone(), seq, deadline);
    call(one, Line::Call, wish, &lines).await;
    // Without the driver there is nobody to tell.
    let _gone = lines.send(Line::CallsEnded).await;
}

/// Calls the till until that is no longer wished, and waits for the calls on their way.
pub async fn ring(till: ActorRef<Till>, wish: watch::Receiver<Wish>, lines: mpsc::Sender<Line>) {
    let one = |_, deadline| {
        let till = till.clone();
        async move {
            let answer = till.ring(CENTS).timeout(deadline).await;
            answer.map_or_else(|error| Outcome::Failed(error.to_string()), answered)
        }
    };
    call(one, Line::Rung, wish, &lines).await;
}

async fn call<One: Future<Output = Outcome> + Send + 'static>(
    one: impl Fn(u64, Duration) -> One,
    line: fn(Call) -> Line,
    mut wish: watch::Receiver<Wish>,
    lines: &mpsc::Sender<Line>,
) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut calls = JoinSet::new();
    let mut seq = 0;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            Some(_) = calls.join_next() => continue,
            changed = wish.changed() => if changed.is_err() { break },
        }
        let Wish { deadline, calling } = *wish.borrow_and_update();
        if !calling {
            break;
        }
        if calls.len() < IN_FLIGHT_MAX {
            calls.spawn(report(seq, one(seq, deadline), line, lines.clone()));
            seq += 1;
        }
    }
    calls.join_all().await;
}

async fn report(
    seq: u64,
    one: impl Future<Output = Outcome>,
    line: fn(Call) -> Line,
    lines: mpsc::Sender<Line>,
) {
    let sent_ns = now_ns();
    let outcome = one.await;
    let call = Call {
        seq,
        sent_ns,
        done_ns: now_ns(),
        outcome,
    };
    let _gone = lines.send(line(call)).await;
}

async fn charge(billing: ActorRef<Billing>, seq: u64, deadline: Duration) -> Outcome {
    match billing.charge(seq, CENTS).timeout(deadline).await {
        Ok(Ok(receipt)) => answered(receipt),
        Ok(Err(declined)) => Outcome::Failed(format!("{declined:?}")),
        Err(error) => Outcome::Failed(error.to_string()),
    }
}

fn answered(receipt: Receipt) -> Outcome {
    Outcome::Answered {
        epoch: receipt.epoch,
        node: receipt.node,
    }
}
