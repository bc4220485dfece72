//! A node of the cluster, as the driver starts it.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use quorate_regions::config::Config;
use quorate_regions::{Cluster, HandOffTarget, Status};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use super::args::NodeArgs;
use super::billing::{BILLING, Billing, Setup};
use super::caller::{self, Wish};
use super::layout::SINGLETON;
use super::lines::{Line, Order};
use super::record::Recorder;
use super::talk::Orders;
use super::till::{TILL, Till};

/// The deadline of calls until the driver asks for another one.
const DEADLINE: Duration = Duration::from_millis(500);

/// Joins, and does what the driver says until that, or SIGTERM, is to leave.
///
/// # Errors
///
/// The node cannot join, or cannot leave in an orderly way.
pub async fn run(
    arguments: &NodeArgs,
    lines: &mpsc::Sender<Line>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut terminated = signal(SignalKind::terminate())?;
    let config = Config::load(&arguments.config)?;
    let leaving = Arc::new(AtomicBool::new(false));
    let setup = Setup {
        node: config.node.name.to_string(),
        ledger: arguments.ledger,
        recorder: Recorder::create(&arguments.record)?,
        leaving: Arc::clone(&leaving),
    };
    let node = setup.node.clone();
    let mut builder = Cluster::builder(config).singleton(BILLING, Billing::spec(setup));
    if arguments.till {
        builder = builder.singleton(TILL, Till::spec(node));
    }
    let cluster = builder.join().await?;
    lines.send(Line::Ready).await?;
    let (wish, wished) = watch::channel(Wish {
        deadline: DEADLINE,
        calling: true,
    });
    if arguments.calls {
        tokio::spawn(caller::run(
            cluster.singleton(BILLING),
            wished.clone(),
            lines.clone(),
        ));
    }
    if arguments.till {
        tokio::spawn(caller::ring(cluster.singleton(TILL), wished, lines.clone()));
    }
    let mut orders = Orders::open();
    loop {
        let order = tokio::select! {
            order = orders.next() => order,
            _ = terminated.recv() => Order::Leave,
        };
        let line = match order {
            Order::Leave => break,
            Order::Status => Line::Status(
                cluster
                    .status()
                    .await
                    .map_or_else(String::new, |status| describe(&status)),
            ),
            Order::HandOff => hand_off(&cluster).await,
            Order::Deadline(ms) => {
                wish.send_modify(|wish| wish.deadline = Duration::from_millis(ms));
                Line::DeadlineSet(ms)
            }
            Order::EndCalls => {
                wish.send_modify(|wish| wish.calling = false);
                continue;
            }
        };
        lines.send(line).await?;
    }
    leaving.store(true, Ordering::Release);
    Ok(cluster.leave().await?)
}

async fn hand_off(cluster: &Cluster) -> Line {
    match cluster.hand_off(SINGLETON, HandOffTarget::Home).await {
        Ok(done) => Line::HandedOff {
            epoch: done.epoch.0,
            region: done.region.to_string(),
            node: done.node.to_string(),
        },
        Err(error) => Line::Refused(error.to_string()),
    }
}

/// The members of each region, as this node sees them.
fn describe(status: &Status) -> String {
    let mut regions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for member in &status.members {
        regions
            .entry(member.region.as_str())
            .or_default()
            .push(member.node.as_str());
    }
    let line = |(region, nodes): (&str, Vec<&str>)| format!("{region}: {}", nodes.join(", "));
    regions.into_iter().map(line).collect::<Vec<_>>().join("\n")
}
