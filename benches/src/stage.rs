//! How a group is run with a member: puts the actors up, lets callers loose, stops the clock, compares the counts.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::groups::{Group, Work};
use crate::host::Host;
use crate::member::{Counter, Member, Node};
use crate::tally::Witness;

/// How long after all callers are done the last message must have been counted. A token is passed on in that time, too.
const LOST_AFTER: Duration = Duration::from_mins(2);

/// A member with what one group needs of it.
pub struct Stage<M: Member> {
    group: Group,
    host: M::Host,
    member: M,
    counters: Vec<M::Counter>,
    nodes: Vec<M::Node>,
    witness: Witness,
    last: mpsc::UnboundedReceiver<Instant>,
}

impl<M: Member> Stage<M> {
    /// Starts the host and the actors.
    pub fn open(group: Group) -> Self {
        Self::open_with(group, M::open)
    }

    /// The same with a member that is opened otherwise.
    pub fn open_with(group: Group, open: impl FnOnce(&M::Host) -> M) -> Self {
        let (counters, nodes) = match group.work {
            Work::Cast { actors, .. } => (actors, 0),
            Work::Call { .. } | Work::CallAsync => (1, 0),
            Work::Ring { actors, .. } => (0, actors),
            Work::SpawnStop => (0, 0),
        };
        let host = M::Host::open(group.threads);
        let member = open(&host);
        let (witness, last) = Witness::new();
        let (starting, shared, threads) = (member.clone(), witness.clone(), group.threads);
        let (counters, nodes) = on(&host, 0, async move {
            let mut ring = Vec::with_capacity(nodes);
            for i in 0..nodes {
                ring.push(starting.node(i * threads / nodes, shared.clone()).await);
            }
            for (node, next) in ring.iter().zip(ring.iter().cycle().skip(1)) {
                node.link_to(next.clone()).await;
            }
            let mut counting = Vec::with_capacity(counters);
            for i in 0..counters {
                counting.push(starting.counter(i * threads / counters, shared.clone()).await);
            }
            (counting, ring)
        });
        Self {
            group,
            host,
            member,
            counters,
            nodes,
            witness,
            last,
        }
    }

    /// Does the group's work with so many messages, or lives, and answers how long it took.
    ///
    /// # Panics
    ///
    /// When the actors have counted anything but these.
    pub fn run(&mut self, messages: u64) -> Duration {
        match self.group.work {
            Work::Cast { producers, .. } => self.cast(messages, producers),
            Work::Call { callers } => self.call::<Plain>(messages, callers),
            Work::CallAsync => self.call::<Async>(messages, 1),
            Work::Ring { tokens, .. } => self.ring(messages, tokens),
            Work::SpawnStop => self.spawn_stop(messages),
        }
    }

    /// Stops everything.
    pub fn close(self) {
        drop((self.counters, self.nodes));
        self.member.close(&self.host);
        self.host.close();
    }

    fn cast(&mut self, messages: u64, producers: usize) -> Duration {
        let mut expected = vec![0; self.counters.len()];
        for sent in shares(messages, producers) {
            for (expected, share) in expected.iter_mut().zip(shares(sent, self.counters.len())) {
                *expected += share;
            }
        }
        let before = self.expect(&expected);
        let finishing = expected.iter().filter(|expected| **expected > 0).count();
        self.witness.await_finish_of(finishing as u64);
        let tasks: Vec<_> = shares(messages, producers)
            .map(|sent| {
                let counters = self.counters.clone();
                async move {
                    let start = Instant::now();
                    for (counter, n) in counters.iter().cycle().zip(0..sent) {
                        counter.cast(n).await;
                    }
                    start
                }
            })
            .collect();
        let took = self.time(tasks);
        self.assert_counted(&before, &expected);
        took
    }

    fn call<C: Calling>(&mut self, messages: u64, callers: usize) -> Duration {
        // The callers take the time, and not the actor: a call is over when its caller has the reply.
        let before = self.expect(&[0]);
        self.witness.await_finish_of(callers as u64);
        let tasks: Vec<_> = shares(messages, callers)
            .map(|calls| {
                let (counter, witness) = (self.counters[0].clone(), self.witness.clone());
                async move {
                    let start = Instant::now();
                    for n in 0..calls {
                        C::call(&counter, n).await;
                    }
                    witness.finish();
                    start
                }
            })
            .collect();
        let took = self.time(tasks);
        self.assert_counted(&before, &[messages]);
        took
    }

    fn ring(&mut self, messages: u64, tokens: usize) -> Duration {
        let before = self.passed();
        let passes: Vec<u64> = shares(messages, tokens).filter(|passes| *passes > 0).collect();
        self.witness.await_finish_of(passes.len() as u64);
        let nodes = self.nodes.clone();
        let took = self.time(vec![async move {
            let start = Instant::now();
            for (i, passes) in passes.iter().enumerate() {
                nodes[i * nodes.len() / tokens].pass_on(passes - 1).await;
            }
            start
        }]);
        assert_eq!(
            self.passed() - before,
            messages,
            "every token was at every actor on its way"
        );
        took
    }

    fn spawn_stop(&mut self, lives: u64) -> Duration {
        let before = self.witness.ended();
        self.witness.await_finish_of(1);
        let (member, witness) = (self.member.clone(), self.witness.clone());
        let took = self.time(vec![async move {
            let start = Instant::now();
            for _ in 0..lives {
                member.life(witness.clone()).await;
            }
            // Some frameworks drop the state a moment after they say that the actor has ended.
            while witness.ended() - before < lives {
                yield_now().await;
            }
            witness.finish();
            start
        }]);
        assert_eq!(self.witness.ended() - before, lives, "every actor has ended");
        took
    }

    /// Runs the tasks until the last of what the witness waits for has finished; the clock starts with the first task.
    fn time(&mut self, tasks: Vec<impl Future<Output = Instant> + Send + 'static>) -> Duration {
        let seats = self.group.threads;
        let tasks: Vec<oneshot::Receiver<Instant>> = tasks
            .into_iter()
            .enumerate()
            .map(|(i, task)| self.host.spawn(seats - 1 - i % seats, task))
            .collect();
        let starts = tasks
            .into_iter()
            .map(|task| async move { task.await.expect("a caller does not panic") });
        let last = &mut self.last;
        let (start, end) = self.host.block_on(async move {
            let starts = join_all(starts).await;
            // A message that was lost, or an actor that has panicked, would be waited for without end.
            let end = timeout(LOST_AFTER, last.recv()).await;
            (starts.into_iter().min(), end.expect("no message is lost"))
        });
        end.expect("the stage holds a witness") - start.expect("there is a caller")
    }

    /// Tells each counter what is about to come, and answers what it has counted before.
    fn expect(&self, messages: &[u64]) -> Vec<u64> {
        let asked = self.counters.clone().into_iter().zip(messages.to_vec());
        on(&self.host, 0, async move {
            join_all(asked.map(|(counter, messages)| async move { counter.announce(messages).await })).await
        })
    }

    fn assert_counted(&self, before: &[u64], expected: &[u64]) {
        let counters = self.counters.clone();
        let after = on(&self.host, 0, async move {
            join_all(counters.iter().map(Counter::counted)).await
        });
        let counted: Vec<u64> = after
            .iter()
            .zip(before)
            .map(|(after, before)| after - before)
            .collect();
        assert_eq!(counted, expected, "every actor has counted what was sent to it");
    }

    fn passed(&self) -> u64 {
        let nodes = self.nodes.clone();
        on(&self.host, 0, async move {
            join_all(nodes.iter().map(Node::counted)).await.iter().sum()
        })
    }
}

/// Which of a counter's two handlers is called.
trait Calling {
    fn call<C: Counter>(counter: &C, n: u64) -> impl Future<Output = u64> + Send;
}

struct Plain;
struct Async;

impl Calling for Plain {
    fn call<C: Counter>(counter: &C, n: u64) -> impl Future<Output = u64> + Send {
        counter.call(n)
    }
}

impl Calling for Async {
    fn call<C: Counter>(counter: &C, n: u64) -> impl Future<Output = u64> + Send {
        counter.call_async(n)
    }
}

/// Runs a task on the host and waits for it.
fn on<H: Host, T: Send + 'static>(
    host: &H,
    seat: usize,
    task: impl Future<Output = T> + Send + 'static,
) -> T {
    let answer = host.spawn(seat, task);
    host.block_on(answer).expect("the task does not panic")
}

/// The whole in so many parts that differ by one at most; the larger ones come first.
fn shares(whole: u64, parts: usize) -> impl Iterator<Item = u64> {
    let parts = parts as u64;
    (0..parts).map(move |part| whole / parts + u64::from(part < whole % parts))
}
