//! Everyone who plays a part: the processes, the events they send, and waiting for what they say.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::seen::Seen;
use crate::three_regions::args::NodeArgs;
use crate::three_regions::layout::Layout;
use crate::three_regions::lines::Order;
use crate::three_regions::process::{EVENTS_MAX, Event, Process};
use crate::three_regions::promises::Broken;
use crate::three_regions::timeline::Timeline;

/// The ledger's process.
pub(super) const LEDGER: &str = "ledger";

/// The processes and what they have said.
#[derive(Debug)]
pub(crate) struct Cast {
    pub(crate) timeline: Timeline,
    pub(crate) layout: Layout,
    pub(crate) seen: Seen,
    processes: BTreeMap<String, Process>,
    lives: BTreeMap<String, u32>,
    sender: mpsc::Sender<Event>,
    events: mpsc::Receiver<Event>,
}

impl Cast {
    pub(crate) fn new(timeline: Timeline, layout: Layout) -> Self {
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        Self {
            timeline,
            layout,
            seen: Seen::default(),
            processes: BTreeMap::new(),
            lives: BTreeMap::new(),
            sender,
            events,
        }
    }

    /// Starts the ledger.
    pub(super) fn start_ledger(&mut self) -> Result<(), Broken> {
        let arguments = ["ledger", "--listen", &self.layout.ledger.to_string()].map(str::to_owned);
        self.start(LEDGER, |_, _| arguments.to_vec())
    }

    /// Starts a node, for the first time or again.
    pub(super) fn start_node(&mut self, name: &str) -> Result<(), Broken> {
        self.start(name, |layout, life| {
            let node = layout
                .node(name)
                .expect("nodes are started by the names in the layout");
            let arguments = NodeArgs {
                config: layout.config_file(node),
                record: layout.record_file(name, life),
                ledger: layout.ledger,
                calls: node.calls,
                till: node.till,
            };
            arguments.to_arguments()
        })
    }

    fn start(
        &mut self,
        name: &str,
        arguments: impl FnOnce(&Layout, u32) -> Vec<String>,
    ) -> Result<(), Broken> {
        let life = self.lives.entry(name.to_owned()).or_insert(0);
        *life += 1;
        let arguments = arguments(&self.layout, *life);
        let log = self.layout.log_file(name);
        let via = self.layout.node(name).map_or(&[][..], |node| &node.via);
        let process = Process::start(name, *life, via, &arguments, &log, self.sender.clone());
        let process = process
            .map_err(|error| Broken::new("processes-live", format!("{name} does not start: {error}")))?;
        self.processes.insert(name.to_owned(), process);
        Ok(())
    }

    /// Whether this process does what it is there for, in its present life.
    pub(super) fn is_ready(&self, name: &str) -> bool {
        let life = self.lives.get(name).copied().unwrap_or(0);
        self.seen.ready.contains(&(name.to_owned(), life))
    }

    /// The nodes that run now, and the ledger.
    pub(super) fn running(&self) -> Vec<String> {
        self.processes.keys().cloned().collect()
    }

    /// The nodes of a region that run now.
    pub(super) fn running_in(&self, region: &str) -> Vec<String> {
        let runs = |name: &&str| self.processes.contains_key(*name);
        let nodes = self.layout.region(region).map(|node| node.name.as_str());
        nodes.filter(runs).map(str::to_owned).collect()
    }

    /// Gives an order.
    pub(super) async fn order(&mut self, name: &str, order: &Order) -> Result<(), Broken> {
        let Some(process) = self.processes.get_mut(name) else {
            return Err(Broken::new("processes-live", format!("{name} does not run")));
        };
        let told = process.order(order).await;
        told.map_err(|error| Broken::new("processes-live", format!("{name} takes no orders: {error}")))
    }

    /// Sends SIGKILL to all of these, waits until they are gone, and answers when the first signal was sent.
    pub(super) async fn kill(&mut self, names: &[String]) -> u64 {
        let mut killed: Vec<Process> = names
            .iter()
            .filter_map(|name| self.processes.remove(name))
            .collect();
        for process in &killed {
            self.seen
                .may_end
                .insert((process.name().to_owned(), process.life()));
        }
        let signals: Vec<u64> = killed.iter().map(Process::kill).collect();
        for process in &mut killed {
            let _status = process.gone().await;
        }
        signals.first().copied().unwrap_or_default()
    }

    /// Sends SIGSTOP and answers when.
    pub(super) fn pause(&self, name: &str) -> u64 {
        self.processes.get(name).map(Process::pause).unwrap_or_default()
    }

    /// Sends SIGCONT and answers when.
    pub(super) fn resume(&self, name: &str) -> u64 {
        self.processes.get(name).map(Process::resume).unwrap_or_default()
    }

    /// Takes what processes say until `is_there`, but no longer than `limit`.
    ///
    /// # Errors
    ///
    /// What is fatal, or `promise` with the sentence that `what` was not seen.
    pub(crate) async fn wait_for(
        &mut self,
        promise: &'static str,
        what: &str,
        limit: Duration,
        is_there: impl Fn(&Self) -> bool,
    ) -> Result<(), Broken> {
        let end = Instant::now() + limit;
        loop {
            if let Some(fatal) = self.seen.fatal.take() {
                return Err(fatal);
            }
            if is_there(self) {
                return Ok(());
            }
            // The sender is kept here, so the channel never ends.
            match timeout_at(end, self.events.recv()).await {
                Ok(Some(event)) => self.seen.take(event),
                Ok(None) | Err(_) => {
                    return Err(Broken::new(
                        promise,
                        format!("{what} was not seen within {} s", limit.as_secs()),
                    ));
                }
            }
        }
    }

    /// Lets the time pass, and takes what processes say.
    ///
    /// # Errors
    ///
    /// What is fatal.
    pub(crate) async fn watch(&mut self, time: Duration) -> Result<(), Broken> {
        self.watch_until(Instant::now() + time).await
    }

    /// Lets the time pass up to `end`, and takes what processes say.
    ///
    /// # Errors
    ///
    /// What is fatal.
    pub(crate) async fn watch_until(&mut self, end: Instant) -> Result<(), Broken> {
        while let Ok(Some(event)) = timeout_at(end, self.events.recv()).await {
            self.seen.take(event);
        }
        self.seen.fatal.take().map_or(Ok(()), Err)
    }

    /// Tells everyone to leave at once, and kills who is not gone within `limit`. Answers who had to be killed.
    pub(super) async fn leave(&mut self, limit: Duration) -> Vec<String> {
        let end = Instant::now() + limit;
        for (name, process) in &mut self.processes {
            self.seen.may_end.insert((name.clone(), process.life()));
            // Who takes no orders is killed below.
            let _deaf = process.order(&Order::Leave).await;
        }
        let mut stayed = Vec::new();
        for (name, mut process) in std::mem::take(&mut self.processes) {
            if timeout_at(end, gone(&mut process, &mut self.events, &mut self.seen))
                .await
                .is_err()
            {
                process.kill();
                let _status = process.gone().await;
                stayed.push(name);
            }
        }
        stayed
    }

    /// Kills everyone who still runs.
    pub(crate) async fn end(&mut self) {
        let running = self.running();
        self.kill(&running).await;
    }
}

/// Waits for a process and goes on taking events: a process whose pipe is full cannot end.
async fn gone(process: &mut Process, events: &mut mpsc::Receiver<Event>, seen: &mut Seen) -> io::Result<()> {
    loop {
        tokio::select! {
            status = process.gone() => return status.map(drop),
            Some(event) = events.recv() => seen.take(event),
        }
    }
}
