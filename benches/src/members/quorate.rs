//! Quorate: actors as its README writes them, below the root supervisor, with reply ports and deadlines.

use quorate::InPlacePolicy;
use quorate::prelude::*;
use tokio::runtime::Runtime;

use crate::QUEUE_MAX;
use crate::host::Host;
use crate::member::{self, Member};
use crate::tally::{Tally, Witness};

/// A system on a tokio runtime.
#[derive(Clone)]
pub struct Quorate(System);

impl Quorate {
    /// A system that measures nothing, and so does the same however fast the machine is.
    pub fn open_unmeasured(host: &Runtime) -> Self {
        let _entered = host.enter();
        Self(System::builder("bench").in_place(InPlacePolicy::Always).start())
    }
}

/// Counts messages.
#[actor(restart = temporary)]
pub struct Counter {
    tally: Tally,
}

#[actor]
impl Counter {
    #[init]
    fn start(witness: Witness) -> Self {
        Self {
            tally: Tally::new(witness),
        }
    }

    /// Adds `n` and answers the total.
    pub fn add(&mut self, n: u64) -> u64 {
        self.tally.add(n)
    }

    /// The same in an async handler, which never waits.
    pub async fn add_async(&mut self, n: u64) -> u64 {
        self.tally.add(std::future::ready(n).await)
    }

    /// So many messages are about to come.
    pub fn expect(&mut self, messages: u64) -> u64 {
        self.tally.expect(messages)
    }

    /// How many messages there were.
    pub fn count(&mut self) -> u64 {
        self.tally.count()
    }
}

/// Passes tokens on.
#[actor]
pub struct Node {
    tally: Tally,
    next: Option<ActorRef<Node>>,
}

#[actor(local)]
impl Node {
    #[init]
    fn start(witness: Witness) -> Self {
        Self {
            tally: Tally::new(witness),
            next: None,
        }
    }

    /// Says to whom.
    pub fn link(&mut self, next: ActorRef<Node>) {
        self.next = Some(next);
    }

    /// Passes a token on, if it is not at its end.
    pub fn pass(&mut self, hops: u64) {
        self.tally.add(hops);
        match &self.next {
            Some(next) if hops > 0 => next
                .pass(hops - 1)
                .cast()
                .expect("there are fewer tokens than room"),
            _ => self.tally.witness().finish(),
        }
    }

    /// How often it had a token.
    pub fn count(&mut self) -> u64 {
        self.tally.count()
    }
}

impl Member for Quorate {
    const NAME: &'static str = "quorate";
    const PACKAGE: &'static str = "quorate";

    type Host = Runtime;
    type Counter = ActorRef<Counter>;
    type Node = ActorRef<Node>;

    fn open(host: &Runtime) -> Self {
        let _entered = host.enter();
        Self(System::new("bench"))
    }

    async fn counter(&self, _seat: usize, witness: Witness) -> ActorRef<Counter> {
        let spec = Counter::spec(witness).mailbox(QUEUE_MAX);
        self.0.spawn(spec).await.expect("a counter starts")
    }

    async fn node(&self, _seat: usize, witness: Witness) -> ActorRef<Node> {
        let spec = Node::spec(witness).mailbox(QUEUE_MAX);
        self.0.spawn(spec).await.expect("a node starts")
    }

    async fn life(&self, witness: Witness) {
        let counter = self.counter(0, witness).await;
        ActorRef::stop(&counter);
        ActorRef::gone(&counter).await;
    }

    fn close(self, host: &Runtime) {
        Host::block_on(host, self.0.shutdown()).expect("all actors stop");
    }
}

impl member::Counter for ActorRef<Counter> {
    async fn cast(&self, n: u64) {
        let sent = self.add(n).cast_when_room().await;
        sent.expect("the counter lives and makes room");
    }

    async fn call(&self, n: u64) -> u64 {
        self.add(n).await.expect("the counter answers")
    }

    async fn call_async(&self, n: u64) -> u64 {
        self.add_async(n).await.expect("the counter answers")
    }

    async fn announce(&self, messages: u64) -> u64 {
        self.expect(messages).await.expect("the counter answers")
    }

    async fn counted(&self) -> u64 {
        self.count().await.expect("the counter answers")
    }
}

impl member::Node for ActorRef<Node> {
    async fn link_to(&self, next: Self) {
        self.link(next).await.expect("the node answers");
    }

    async fn pass_on(&self, hops: u64) {
        self.pass(hops).cast().expect("there are fewer tokens than room");
    }

    async fn counted(&self) -> u64 {
        self.count().await.expect("the node answers")
    }
}
