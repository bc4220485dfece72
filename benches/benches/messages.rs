//! Messages within a process: `cast_1_producer` and `call_sequential`, beside a bare task and channel of the same bound.
//!
//! Two worker threads; producers and callers are ordinary tokio tasks. `quorate` is an actor as a user writes it, with its
//! reply ports, deadlines and supervision; `tokio_mpsc` has none of that and is the floor.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::time::{Duration, Instant};

use benches::{QUEUE_MAX, WORKERS, runtime};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use quorate::prelude::*;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;

/// Counts messages and adds up what they carry.
#[actor]
#[derive(Default)]
struct Counter {
    count: u64,
    total: u64,
}

#[actor]
impl Counter {
    /// Adds `n` and answers the total.
    pub fn add(&mut self, n: u64) -> u64 {
        self.count += 1;
        self.total = self.total.wrapping_add(n);
        self.total
    }

    /// How many times something was added.
    pub fn count(&mut self) -> u64 {
        self.count
    }
}

/// The same without a framework.
enum Add {
    Cast(u64),
    Call(u64, oneshot::Sender<u64>),
    Count(oneshot::Sender<u64>),
}

fn spawn_bare(runtime: &Runtime) -> mpsc::Sender<Add> {
    let (sender, mut receiver) = mpsc::channel(QUEUE_MAX);
    runtime.spawn(async move {
        let (mut count, mut total) = (0_u64, 0_u64);
        while let Some(message) = receiver.recv().await {
            match message {
                Add::Cast(n) => {
                    count += 1;
                    total = total.wrapping_add(n);
                }
                Add::Call(n, reply) => {
                    count += 1;
                    total = total.wrapping_add(n);
                    let _gone = reply.send(total);
                }
                Add::Count(reply) => {
                    let _gone = reply.send(count);
                }
            }
        }
    });
    sender
}

fn spawn_actor(runtime: &Runtime) -> (System, ActorRef<Counter>) {
    runtime.block_on(async {
        let system = System::new("bench");
        let counter = system.spawn(Counter::spec().mailbox(QUEUE_MAX)).await;
        (system, counter.expect("a counter starts"))
    })
}

/// Runs `work` as an ordinary task and answers how long it took by its own clock.
fn timed(runtime: &Runtime, work: impl Future<Output = Duration> + Send + 'static) -> Duration {
    let task = runtime.spawn(work);
    runtime.block_on(task).expect("a producer does not panic")
}

fn cast_1_producer(criterion: &mut Criterion) {
    let runtime = runtime(WORKERS);
    let mut group = criterion.benchmark_group("cast_1_producer");
    group.throughput(Throughput::Elements(1));

    let (system, counter) = spawn_actor(&runtime);
    group.bench_function("quorate", |bencher| {
        bencher.iter_custom(|iters| timed(&runtime, cast_to_actor(counter.clone(), iters)));
    });
    runtime.block_on(system.shutdown()).expect("a counter stops");

    let bare = spawn_bare(&runtime);
    group.bench_function("tokio_mpsc", |bencher| {
        bencher.iter_custom(|iters| timed(&runtime, cast_to_bare(bare.clone(), iters)));
    });
    group.finish();
}

async fn cast_to_actor(counter: ActorRef<Counter>, iters: u64) -> Duration {
    let before = counter.count().await.expect("the counter lives");
    let start = Instant::now();
    for n in 0..iters {
        // A full mailbox is an answer; the producer makes room for the actor.
        while let Err(CastError::Full(_)) = counter.add(n).cast() {
            yield_now().await;
        }
    }
    let after = counter.count().await.expect("the counter lives");
    let took = start.elapsed();
    assert_eq!(after - before, iters, "every cast is counted");
    took
}

async fn cast_to_bare(bare: mpsc::Sender<Add>, iters: u64) -> Duration {
    let before = count_of_bare(&bare).await;
    let start = Instant::now();
    for n in 0..iters {
        bare.send(Add::Cast(n)).await.expect("the task lives");
    }
    let after = count_of_bare(&bare).await;
    let took = start.elapsed();
    assert_eq!(after - before, iters, "every message is counted");
    took
}

async fn count_of_bare(bare: &mpsc::Sender<Add>) -> u64 {
    let (reply, count) = oneshot::channel();
    bare.send(Add::Count(reply)).await.expect("the task lives");
    count.await.expect("the task answers")
}

fn call_sequential(criterion: &mut Criterion) {
    let runtime = runtime(WORKERS);
    let mut group = criterion.benchmark_group("call_sequential");
    group.throughput(Throughput::Elements(1));

    let (system, counter) = spawn_actor(&runtime);
    group.bench_function("quorate", |bencher| {
        bencher.iter_custom(|iters| timed(&runtime, call_actor(counter.clone(), iters)));
    });
    runtime.block_on(system.shutdown()).expect("a counter stops");

    let bare = spawn_bare(&runtime);
    group.bench_function("tokio_mpsc", |bencher| {
        bencher.iter_custom(|iters| timed(&runtime, call_bare(bare.clone(), iters)));
    });
    group.finish();
}

async fn call_actor(counter: ActorRef<Counter>, iters: u64) -> Duration {
    let before = counter.count().await.expect("the counter lives");
    let start = Instant::now();
    for n in 0..iters {
        counter.add(n).await.expect("the counter answers");
    }
    let took = start.elapsed();
    let after = counter.count().await.expect("the counter lives");
    assert_eq!(after - before, iters, "every call is counted");
    took
}

async fn call_bare(bare: mpsc::Sender<Add>, iters: u64) -> Duration {
    let before = count_of_bare(&bare).await;
    let start = Instant::now();
    for n in 0..iters {
        let (reply, total) = oneshot::channel();
        bare.send(Add::Call(n, reply)).await.expect("the task lives");
        total.await.expect("the task answers");
    }
    let took = start.elapsed();
    let after = count_of_bare(&bare).await;
    assert_eq!(after - before, iters, "every call is counted");
    took
}

criterion_group!(messages, cast_1_producer, call_sequential);
criterion_main!(messages);
