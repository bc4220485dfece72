//! The caller in another region: a call of `billing` every 20 ms, without a retry, and a line about each.

use std::time::Duration;

use quorate::prelude::*;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::billing::Billing;
use super::calls::{Call, Outcome};
use super::clock::now_ns;
use super::lines::Line;

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

/// Calls until that is no longer wished, waits for the calls on their way, and says so.
pub async fn run(billing: ActorRef<Billing>, mut wish: watch::Receiver<Wish>, lines: mpsc::Sender<Line>) {
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
            calls.spawn(one(billing.clone(), seq, deadline, lines.clone()));
            seq += 1;
        }
    }
    calls.join_all().await;
    // Without the driver there is nobody to tell.
    let _gone = lines.send(Line::CallsEnded).await;
}

async fn one(billing: ActorRef<Billing>, seq: u64, deadline: Duration, lines: mpsc::Sender<Line>) {
    let sent_ns = now_ns();
    let answer = billing.charge(seq, CENTS).timeout(deadline).await;
    let done_ns = now_ns();
    let outcome = match answer {
        Ok(Ok(receipt)) => Outcome::Answered {
            epoch: receipt.epoch,
            node: receipt.node,
        },
        Ok(Err(declined)) => Outcome::Failed(format!("{declined:?}")),
        Err(error) => Outcome::Failed(error.to_string()),
    };
    let call = Call {
        seq,
        sent_ns,
        done_ns,
        outcome,
    };
    let _gone = lines.send(Line::Call(call)).await;
}
