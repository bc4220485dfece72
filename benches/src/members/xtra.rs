//! xtra: a type for each message, `send` with and without `detach`, both awaited, in bounded mailboxes.

use std::future::ready;

use tokio::runtime::Runtime;
use xtra::prelude::*;

use crate::QUEUE_MAX;
use crate::member::{self, Member};
use crate::tally::{Tally, Witness};

/// A tokio runtime.
#[derive(Clone, Copy)]
pub struct Xtra;

/// Counts messages.
#[derive(xtra::Actor)]
pub struct Counter {
    tally: Tally,
}

struct Add(u64);
struct AddAsync(u64);
struct Expect(u64);
struct Count;
struct Stop;

impl Handler<Add> for Counter {
    type Return = u64;

    async fn handle(&mut self, Add(n): Add, _: &mut Context<Self>) -> u64 {
        self.tally.add(n)
    }
}

/// All of xtra's handlers are async; this one has an await.
impl Handler<AddAsync> for Counter {
    type Return = u64;

    async fn handle(&mut self, AddAsync(n): AddAsync, _: &mut Context<Self>) -> u64 {
        self.tally.add(ready(n).await)
    }
}

impl Handler<Expect> for Counter {
    type Return = u64;

    async fn handle(&mut self, Expect(messages): Expect, _: &mut Context<Self>) -> u64 {
        self.tally.expect(messages)
    }
}

impl Handler<Count> for Counter {
    type Return = u64;

    async fn handle(&mut self, _: Count, _: &mut Context<Self>) -> u64 {
        self.tally.count()
    }
}

impl Handler<Stop> for Counter {
    type Return = ();

    async fn handle(&mut self, _: Stop, cx: &mut Context<Self>) {
        cx.stop_self();
    }
}

/// Passes tokens on.
#[derive(xtra::Actor)]
pub struct Node {
    tally: Tally,
    next: Option<Address<Node>>,
}

struct Link(Address<Node>);
struct Token(u64);

impl Handler<Link> for Node {
    type Return = ();

    async fn handle(&mut self, Link(next): Link, _: &mut Context<Self>) {
        self.next = Some(next);
    }
}

impl Handler<Token> for Node {
    type Return = ();

    async fn handle(&mut self, Token(hops): Token, _: &mut Context<Self>) {
        self.tally.add(hops);
        match &self.next {
            Some(next) if hops > 0 => drop(
                next.send(Token(hops - 1))
                    .detach()
                    .await
                    .expect("the next one lives"),
            ),
            _ => self.tally.witness().finish(),
        }
    }
}

impl Handler<Count> for Node {
    type Return = u64;

    async fn handle(&mut self, _: Count, _: &mut Context<Self>) -> u64 {
        self.tally.count()
    }
}

fn spawn_counter(witness: Witness) -> Address<Counter> {
    let tally = Tally::new(witness);
    xtra::spawn_tokio(Counter { tally }, Mailbox::bounded(QUEUE_MAX))
}

impl Member for Xtra {
    const NAME: &'static str = "xtra";
    const PACKAGE: &'static str = "xtra";

    type Host = Runtime;
    type Counter = Address<Counter>;
    type Node = Address<Node>;

    fn open(_host: &Runtime) -> Self {
        Self
    }

    async fn counter(&self, _seat: usize, witness: Witness) -> Address<Counter> {
        spawn_counter(witness)
    }

    async fn node(&self, _seat: usize, witness: Witness) -> Address<Node> {
        let tally = Tally::new(witness);
        xtra::spawn_tokio(Node { tally, next: None }, Mailbox::bounded(QUEUE_MAX))
    }

    async fn life(&self, witness: Witness) {
        let counter = spawn_counter(witness);
        counter.send(Stop).await.expect("the counter stops");
        counter.join().await;
    }
}

impl member::Counter for Address<Counter> {
    async fn cast(&self, n: u64) {
        let receiver = self.send(Add(n)).detach().await.expect("the counter lives");
        drop(receiver);
    }

    async fn call(&self, n: u64) -> u64 {
        self.send(Add(n)).await.expect("the counter answers")
    }

    async fn call_async(&self, n: u64) -> u64 {
        self.send(AddAsync(n)).await.expect("the counter answers")
    }

    async fn announce(&self, messages: u64) -> u64 {
        self.send(Expect(messages)).await.expect("the counter answers")
    }

    async fn counted(&self) -> u64 {
        self.send(Count).await.expect("the counter answers")
    }
}

impl member::Node for Address<Node> {
    async fn link_to(&self, next: Self) {
        self.send(Link(next)).await.expect("the node answers");
    }

    async fn pass_on(&self, hops: u64) {
        let receiver = self.send(Token(hops)).detach().await.expect("the node lives");
        drop(receiver);
    }

    async fn counted(&self) -> u64 {
        self.send(Count).await.expect("the node answers")
    }
}
