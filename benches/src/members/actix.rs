//! actix: one system with an arbiter for each thread, or the system's own when there is one thread; `try_send`, `do_send` and `send`.
//!
//! An actor stays on its arbiter, and so does a caller. Of several actors the first half is put on the first arbiter and the other half on
//! the second, so that neighbours in a ring stay together; callers are dealt to them in turn, the first one to the last arbiter. A message to
//! the other arbiter wakes its thread.

use std::future::ready;

use actix::prelude::*;
use tokio::sync::oneshot;
use tokio::task::yield_now;

use crate::QUEUE_MAX;
use crate::host::{Host, answering};
use crate::member::{self, Member};
use crate::tally::{Tally, Witness};

/// A system and its arbiters.
pub struct Arbiters {
    runner: SystemRunner,
    threads: Vec<Arbiter>,
    seats: Vec<ArbiterHandle>,
}

impl Host for Arbiters {
    fn open(threads: usize) -> Self {
        let runner = System::new();
        if threads == 1 {
            let seats = vec![System::current().arbiter().clone()];
            return Self {
                runner,
                threads: Vec::new(),
                seats,
            };
        }
        let threads: Vec<Arbiter> = (0..threads).map(|_| Arbiter::new()).collect();
        let seats = threads.iter().map(Arbiter::handle).collect();
        Self {
            runner,
            threads,
            seats,
        }
    }

    fn spawn<T: Send + 'static>(
        &self,
        seat: usize,
        task: impl Future<Output = T> + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (answer, receiver) = oneshot::channel();
        let spawned = self.seats[seat].spawn(answering(task, answer));
        assert!(spawned, "the arbiter lives");
        receiver
    }

    fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runner.block_on(work)
    }

    fn close(self) {
        for thread in self.threads {
            thread.stop();
            thread.join().expect("an arbiter does not panic");
        }
        drop(self.runner);
    }
}

/// The arbiters to start actors on.
#[derive(Clone)]
pub struct Actix(Vec<ArbiterHandle>);

/// Counts messages.
pub struct Counter {
    tally: Tally,
    /// Dropped with the actor: actix has no other way to wait for the end.
    at_end: Option<oneshot::Sender<()>>,
}

impl Counter {
    fn new(witness: Witness) -> Self {
        Self {
            tally: Tally::new(witness),
            at_end: None,
        }
    }
}

impl Actor for Counter {
    type Context = Context<Self>;

    fn started(&mut self, cx: &mut Self::Context) {
        cx.set_mailbox_capacity(QUEUE_MAX);
    }
}

#[derive(Message)]
#[rtype(result = "u64")]
struct Add(u64);

impl Handler<Add> for Counter {
    type Result = u64;

    fn handle(&mut self, Add(n): Add, _: &mut Self::Context) -> u64 {
        self.tally.add(n)
    }
}

#[derive(Message)]
#[rtype(result = "u64")]
struct AddAsync(u64);

impl Handler<AddAsync> for Counter {
    type Result = ResponseActFuture<Self, u64>;

    fn handle(&mut self, AddAsync(n): AddAsync, _: &mut Self::Context) -> Self::Result {
        Box::pin(ready(n).into_actor(self).map(|n, this, _| this.tally.add(n)))
    }
}

#[derive(Message)]
#[rtype(result = "u64")]
struct Expect(u64);

impl Handler<Expect> for Counter {
    type Result = u64;

    fn handle(&mut self, Expect(messages): Expect, _: &mut Self::Context) -> u64 {
        self.tally.expect(messages)
    }
}

#[derive(Message)]
#[rtype(result = "u64")]
struct Count;

impl Handler<Count> for Counter {
    type Result = u64;

    fn handle(&mut self, _: Count, _: &mut Self::Context) -> u64 {
        self.tally.count()
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Stop(oneshot::Sender<()>);

impl Handler<Stop> for Counter {
    type Result = ();

    fn handle(&mut self, Stop(at_end): Stop, cx: &mut Self::Context) {
        self.at_end = Some(at_end);
        cx.stop();
    }
}

/// Passes tokens on.
pub struct Node {
    tally: Tally,
    next: Option<Addr<Node>>,
}

impl Actor for Node {
    type Context = Context<Self>;

    fn started(&mut self, cx: &mut Self::Context) {
        cx.set_mailbox_capacity(QUEUE_MAX);
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Link(Addr<Node>);

impl Handler<Link> for Node {
    type Result = ();

    fn handle(&mut self, Link(next): Link, _: &mut Self::Context) {
        self.next = Some(next);
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Token(u64);

impl Handler<Token> for Node {
    type Result = ();

    fn handle(&mut self, Token(hops): Token, _: &mut Self::Context) {
        self.tally.add(hops);
        match &self.next {
            Some(next) if hops > 0 => next.do_send(Token(hops - 1)),
            _ => self.tally.witness().finish(),
        }
    }
}

impl Handler<Count> for Node {
    type Result = u64;

    fn handle(&mut self, _: Count, _: &mut Self::Context) -> u64 {
        self.tally.count()
    }
}

impl Member for Actix {
    const NAME: &'static str = "actix";
    const PACKAGE: &'static str = "actix";

    type Host = Arbiters;
    type Counter = Addr<Counter>;
    type Node = Addr<Node>;

    fn open(host: &Arbiters) -> Self {
        Self(host.seats.clone())
    }

    async fn counter(&self, seat: usize, witness: Witness) -> Addr<Counter> {
        Counter::start_in_arbiter(&self.0[seat], |_| Counter::new(witness))
    }

    async fn node(&self, seat: usize, witness: Witness) -> Addr<Node> {
        Node::start_in_arbiter(&self.0[seat], |_| Node {
            tally: Tally::new(witness),
            next: None,
        })
    }

    async fn life(&self, witness: Witness) {
        // On the arbiter of the one who wants it.
        let counter = Counter::new(witness).start();
        let (at_end, ended) = oneshot::channel();
        counter.do_send(Stop(at_end));
        // The sender is never used: that it is gone is the answer.
        let _gone = ended.await;
    }
}

impl member::Counter for Addr<Counter> {
    async fn cast(&self, n: u64) {
        while let Err(error) = self.try_send(Add(n)) {
            assert!(matches!(error, SendError::Full(_)), "the counter lives");
            yield_now().await;
        }
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

impl member::Node for Addr<Node> {
    async fn link_to(&self, next: Self) {
        self.send(Link(next)).await.expect("the node answers");
    }

    async fn pass_on(&self, hops: u64) {
        self.do_send(Token(hops));
    }

    async fn counted(&self) -> u64 {
        self.send(Count).await.expect("the node answers")
    }
}
