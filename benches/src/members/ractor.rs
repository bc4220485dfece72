//! ractor: a message enum, `cast!` and `call!`. Its mailboxes are unbounded, as it has no others: its producers never wait.

use std::future::ready;

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort, call, cast};
use tokio::runtime::Runtime;

use crate::member::{self, Member};
use crate::tally::{Tally, Witness};

/// A tokio runtime.
#[derive(Clone, Copy)]
pub struct Ractor;

/// Counts messages.
pub struct Counter;

/// What the counter understands.
pub enum Add {
    /// Nobody waits.
    Cast(u64),
    /// Somebody waits for the total.
    Call(u64, RpcReplyPort<u64>),
    /// The same, of a handler that has an await. All of ractor's handlers are async.
    CallAsync(u64, RpcReplyPort<u64>),
    /// So many messages are about to come.
    Expect(u64, RpcReplyPort<u64>),
    /// How many messages there were.
    Count(RpcReplyPort<u64>),
}

impl Actor for Counter {
    type Msg = Add;
    type State = Tally;
    type Arguments = Witness;

    async fn pre_start(&self, _me: ActorRef<Add>, witness: Witness) -> Result<Tally, ActorProcessingErr> {
        Ok(Tally::new(witness))
    }

    async fn handle(
        &self,
        _me: ActorRef<Add>,
        message: Add,
        tally: &mut Tally,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Add::Cast(n) => {
                tally.add(n);
            }
            Add::Call(n, reply) => reply.send(tally.add(n))?,
            Add::CallAsync(n, reply) => reply.send(tally.add(ready(n).await))?,
            Add::Expect(n, reply) => reply.send(tally.expect(n))?,
            Add::Count(reply) => reply.send(tally.count())?,
        }
        Ok(())
    }
}

/// Passes tokens on.
pub struct Node;

/// What a node understands.
pub enum Pass {
    /// To whom it passes.
    Link(ActorRef<Pass>, RpcReplyPort<()>),
    /// A token, and how often it is still to be passed on.
    Token(u64),
    /// How often it had a token.
    Count(RpcReplyPort<u64>),
}

/// The state of a node.
pub struct Passing {
    tally: Tally,
    next: Option<ActorRef<Pass>>,
}

impl Actor for Node {
    type Msg = Pass;
    type State = Passing;
    type Arguments = Witness;

    async fn pre_start(&self, _me: ActorRef<Pass>, witness: Witness) -> Result<Passing, ActorProcessingErr> {
        let tally = Tally::new(witness);
        Ok(Passing { tally, next: None })
    }

    async fn handle(
        &self,
        _me: ActorRef<Pass>,
        message: Pass,
        state: &mut Passing,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Pass::Link(next, done) => {
                state.next = Some(next);
                done.send(())?;
            }
            Pass::Token(hops) => {
                state.tally.add(hops);
                match &state.next {
                    Some(next) if hops > 0 => cast!(next, Pass::Token(hops - 1))?,
                    _ => state.tally.witness().finish(),
                }
            }
            Pass::Count(reply) => reply.send(state.tally.count())?,
        }
        Ok(())
    }
}

impl Member for Ractor {
    const NAME: &'static str = "ractor";
    const PACKAGE: &'static str = "ractor";

    type Host = Runtime;
    type Counter = ActorRef<Add>;
    type Node = ActorRef<Pass>;

    fn open(_host: &Runtime) -> Self {
        Self
    }

    async fn counter(&self, _seat: usize, witness: Witness) -> ActorRef<Add> {
        let (counter, _task) = Actor::spawn(None, Counter, witness)
            .await
            .expect("a counter starts");
        counter
    }

    async fn node(&self, _seat: usize, witness: Witness) -> ActorRef<Pass> {
        let (node, _task) = Actor::spawn(None, Node, witness).await.expect("a node starts");
        node
    }

    async fn life(&self, witness: Witness) {
        let (counter, task) = Actor::spawn(None, Counter, witness)
            .await
            .expect("a counter starts");
        counter.stop(None);
        task.await.expect("the counter does not panic");
    }
}

impl member::Counter for ActorRef<Add> {
    async fn cast(&self, n: u64) {
        cast!(self, Add::Cast(n)).expect("the counter lives");
    }

    async fn call(&self, n: u64) -> u64 {
        call!(self, Add::Call, n).expect("the counter answers")
    }

    async fn call_async(&self, n: u64) -> u64 {
        call!(self, Add::CallAsync, n).expect("the counter answers")
    }

    async fn announce(&self, messages: u64) -> u64 {
        call!(self, Add::Expect, messages).expect("the counter answers")
    }

    async fn counted(&self) -> u64 {
        call!(self, Add::Count).expect("the counter answers")
    }
}

impl member::Node for ActorRef<Pass> {
    async fn link_to(&self, next: Self) {
        call!(self, Pass::Link, next).expect("the node answers");
    }

    async fn pass_on(&self, hops: u64) {
        cast!(self, Pass::Token(hops)).expect("the node lives");
    }

    async fn counted(&self) -> u64 {
        call!(self, Pass::Count).expect("the node answers")
    }
}
