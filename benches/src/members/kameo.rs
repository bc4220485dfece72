//! kameo: a type for each message, `tell` and `ask`, both awaited, in bounded mailboxes.

use std::future::ready;

use kameo::Actor;
use kameo::actor::{ActorRef, Spawn};
use kameo::mailbox;
use kameo::message::{Context, Message};
use tokio::runtime::Runtime;

use crate::QUEUE_MAX;
use crate::member::{self, Member};
use crate::tally::{Tally, Witness};

/// A tokio runtime.
#[derive(Clone, Copy)]
pub struct Kameo;

/// Counts messages.
#[derive(Actor)]
pub struct Counter {
    tally: Tally,
}

struct Add(u64);
struct AddAsync(u64);
struct Expect(u64);
struct Count;

impl Message<Add> for Counter {
    type Reply = u64;

    async fn handle(&mut self, Add(n): Add, _: &mut Context<Self, u64>) -> u64 {
        self.tally.add(n)
    }
}

/// All of kameo's handlers are async; this one has an await.
impl Message<AddAsync> for Counter {
    type Reply = u64;

    async fn handle(&mut self, AddAsync(n): AddAsync, _: &mut Context<Self, u64>) -> u64 {
        self.tally.add(ready(n).await)
    }
}

impl Message<Expect> for Counter {
    type Reply = u64;

    async fn handle(&mut self, Expect(messages): Expect, _: &mut Context<Self, u64>) -> u64 {
        self.tally.expect(messages)
    }
}

impl Message<Count> for Counter {
    type Reply = u64;

    async fn handle(&mut self, _: Count, _: &mut Context<Self, u64>) -> u64 {
        self.tally.count()
    }
}

/// Passes tokens on.
#[derive(Actor)]
pub struct Node {
    tally: Tally,
    next: Option<ActorRef<Node>>,
}

struct Link(ActorRef<Node>);
struct Token(u64);

impl Message<Link> for Node {
    type Reply = ();

    async fn handle(&mut self, Link(next): Link, _: &mut Context<Self, ()>) {
        self.next = Some(next);
    }
}

impl Message<Token> for Node {
    type Reply = ();

    async fn handle(&mut self, Token(hops): Token, _: &mut Context<Self, ()>) {
        self.tally.add(hops);
        match &self.next {
            Some(next) if hops > 0 => next.tell(Token(hops - 1)).await.expect("the next one lives"),
            _ => self.tally.witness().finish(),
        }
    }
}

impl Message<Count> for Node {
    type Reply = u64;

    async fn handle(&mut self, _: Count, _: &mut Context<Self, u64>) -> u64 {
        self.tally.count()
    }
}

fn spawn_counter(witness: Witness) -> ActorRef<Counter> {
    let tally = Tally::new(witness);
    Counter::spawn_with_mailbox(Counter { tally }, mailbox::bounded(QUEUE_MAX))
}

impl Member for Kameo {
    const NAME: &'static str = "kameo";
    const PACKAGE: &'static str = "kameo";

    type Host = Runtime;
    type Counter = ActorRef<Counter>;
    type Node = ActorRef<Node>;

    fn open(_host: &Runtime) -> Self {
        Self
    }

    async fn counter(&self, _seat: usize, witness: Witness) -> ActorRef<Counter> {
        spawn_counter(witness)
    }

    async fn node(&self, _seat: usize, witness: Witness) -> ActorRef<Node> {
        let tally = Tally::new(witness);
        Node::spawn_with_mailbox(Node { tally, next: None }, mailbox::bounded(QUEUE_MAX))
    }

    async fn life(&self, witness: Witness) {
        let counter = spawn_counter(witness);
        counter.stop_gracefully().await.expect("the counter lives");
        counter.wait_for_shutdown().await;
    }
}

impl member::Counter for ActorRef<Counter> {
    async fn cast(&self, n: u64) {
        self.tell(Add(n)).await.expect("the counter lives");
    }

    async fn call(&self, n: u64) -> u64 {
        self.ask(Add(n)).await.expect("the counter answers")
    }

    async fn call_async(&self, n: u64) -> u64 {
        self.ask(AddAsync(n)).await.expect("the counter answers")
    }

    async fn announce(&self, messages: u64) -> u64 {
        self.ask(Expect(messages)).await.expect("the counter answers")
    }

    async fn counted(&self) -> u64 {
        self.ask(Count).await.expect("the counter answers")
    }
}

impl member::Node for ActorRef<Node> {
    async fn link_to(&self, next: Self) {
        self.ask(Link(next)).await.expect("the node answers");
    }

    async fn pass_on(&self, hops: u64) {
        self.tell(Token(hops)).await.expect("the node lives");
    }

    async fn counted(&self) -> u64 {
        self.ask(Count).await.expect("the node answers")
    }
}
