//! `tokio_mpsc`: a task and a channel of the same bound, with one-shots for replies. No framework; the floor.

use std::future::ready;

use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::QUEUE_MAX;
use crate::member::{self, Member};
use crate::tally::{Tally, Witness};

/// A tokio runtime.
#[derive(Clone, Copy)]
pub struct Bare;

/// What the counting task understands.
pub enum Add {
    /// Nobody waits.
    Cast(u64),
    /// Somebody waits for the total.
    Call(u64, oneshot::Sender<u64>),
    /// The same, in an async function.
    CallAsync(u64, oneshot::Sender<u64>),
    /// So many messages are about to come.
    Expect(u64, oneshot::Sender<u64>),
    /// How many messages there were.
    Count(oneshot::Sender<u64>),
}

async fn count_all(mut tally: Tally, mut messages: mpsc::Receiver<Add>) {
    while let Some(message) = messages.recv().await {
        // Who does not wait for the answer has dropped the receiver.
        let _gone = match message {
            Add::Cast(n) => {
                tally.add(n);
                continue;
            }
            Add::Call(n, reply) => reply.send(tally.add(n)),
            Add::CallAsync(n, reply) => reply.send(add_async(&mut tally, n).await),
            Add::Expect(n, reply) => reply.send(tally.expect(n)),
            Add::Count(reply) => reply.send(tally.count()),
        };
    }
}

async fn add_async(tally: &mut Tally, n: u64) -> u64 {
    tally.add(ready(n).await)
}

fn spawn_counter(witness: Witness) -> (mpsc::Sender<Add>, JoinHandle<()>) {
    let (sender, receiver) = mpsc::channel(QUEUE_MAX);
    let task = tokio::spawn(count_all(Tally::new(witness), receiver));
    (sender, task)
}

/// What the passing task understands.
pub enum Pass {
    /// To whom it passes.
    Link(mpsc::Sender<Pass>, oneshot::Sender<()>),
    /// A token, and how often it is still to be passed on.
    Token(u64),
    /// How often it had a token.
    Count(oneshot::Sender<u64>),
}

async fn pass_all(mut tally: Tally, mut messages: mpsc::Receiver<Pass>) {
    let mut next = None;
    while let Some(message) = messages.recv().await {
        match message {
            Pass::Link(to, done) => {
                next = Some(to);
                let _gone = done.send(());
            }
            Pass::Token(hops) => {
                tally.add(hops);
                match &next {
                    Some(next) if hops > 0 => next
                        .send(Pass::Token(hops - 1))
                        .await
                        .expect("the next one lives"),
                    _ => tally.witness().finish(),
                }
            }
            Pass::Count(reply) => {
                let _gone = reply.send(tally.count());
            }
        }
    }
}

impl Member for Bare {
    const NAME: &'static str = "tokio_mpsc";
    const PACKAGE: &'static str = "tokio";

    type Host = Runtime;
    type Counter = mpsc::Sender<Add>;
    type Node = mpsc::Sender<Pass>;

    fn open(_host: &Runtime) -> Self {
        Self
    }

    async fn counter(&self, _seat: usize, witness: Witness) -> mpsc::Sender<Add> {
        spawn_counter(witness).0
    }

    async fn node(&self, _seat: usize, witness: Witness) -> mpsc::Sender<Pass> {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(pass_all(Tally::new(witness), receiver));
        sender
    }

    async fn life(&self, witness: Witness) {
        let (counter, task) = spawn_counter(witness);
        drop(counter);
        task.await.expect("the task does not panic");
    }
}

impl member::Counter for mpsc::Sender<Add> {
    async fn cast(&self, n: u64) {
        self.send(Add::Cast(n)).await.expect("the task lives");
    }

    async fn call(&self, n: u64) -> u64 {
        ask(self, |reply| Add::Call(n, reply)).await
    }

    async fn call_async(&self, n: u64) -> u64 {
        ask(self, |reply| Add::CallAsync(n, reply)).await
    }

    async fn announce(&self, messages: u64) -> u64 {
        ask(self, |reply| Add::Expect(messages, reply)).await
    }

    async fn counted(&self) -> u64 {
        ask(self, Add::Count).await
    }
}

impl member::Node for mpsc::Sender<Pass> {
    async fn link_to(&self, next: Self) {
        ask(self, |done| Pass::Link(next, done)).await;
    }

    async fn pass_on(&self, hops: u64) {
        self.send(Pass::Token(hops)).await.expect("the task lives");
    }

    async fn counted(&self) -> u64 {
        ask(self, Pass::Count).await
    }
}

async fn ask<M, T>(to: &mpsc::Sender<M>, message: impl FnOnce(oneshot::Sender<T>) -> M) -> T {
    let (reply, answer) = oneshot::channel();
    // Who cannot be sent to is gone.
    assert!(to.send(message(reply)).await.is_ok(), "the task lives");
    answer.await.expect("the task answers")
}
