//! Calls in a circle: at the deadline the chain is named; a slow answer, and a wait that has ended, are no deadlock.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use quorate::prelude::*;
use quorate::testing;
use tokio::time::Instant;

/// Calls others. Not in place: which of a circle is told, when all deadlines are one instant of virtual time, is who began to wait first, and
/// in place that is the innermost.
#[actor(in_place = off)]
#[derive(Default)]
pub struct Desk {
    total: u64,
    /// Calls that are kept for later turns.
    kept: Vec<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

/// Where a call goes on to, each time with what is left.
type Route = Vec<ActorRef<Desk>>;

#[actor(local)]
impl Desk {
    /// Is there.
    pub fn get(&mut self) -> u64 {
        self.total += 1;
        self.total
    }

    /// Is busy.
    pub async fn busy(&mut self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Calls the first, which calls the second, and so on; the last one is asked for its total.
    pub async fn pass(&mut self, mut route: Route, timeout: Duration) -> Result<u64, CallError> {
        let next = route.remove(0);
        if route.is_empty() {
            next.get().timeout(timeout).await
        } else {
            next.pass(route, timeout).timeout(timeout).await?
        }
    }

    /// Calls all at once.
    pub async fn pass_both(
        &mut self,
        one: Route,
        other: ActorRef<Desk>,
    ) -> (Result<Result<u64, CallError>, CallError>, Result<(), CallError>) {
        let (first, rest) = (one[0].clone(), one[1..].to_vec());
        tokio::join!(
            first
                .pass(rest, Duration::from_mins(1))
                .timeout(Duration::from_secs(2)),
            other.busy(Duration::from_mins(1)).timeout(Duration::from_secs(2)),
        )
    }

    /// Calls all of them `times` times at once, and counts the answers.
    pub async fn ask_often(&mut self, other: ActorRef<Desk>, times: usize) -> usize {
        let mut calls: Vec<_> = (0..times).map(|_| Box::pin(other.get().into_future())).collect();
        let mut answered = 0;
        poll_fn(|task| {
            calls.retain_mut(|call| match call.as_mut().poll(task) {
                Poll::Pending => true,
                Poll::Ready(answer) => {
                    answered += usize::from(answer.is_ok());
                    false
                }
            });
            if calls.is_empty() {
                Poll::Ready(answered)
            } else {
                Poll::Pending
            }
        })
        .await
    }

    /// Begins a call, and keeps it when the turn ends.
    pub async fn keep(&mut self, other: ActorRef<Desk>) {
        let mut call = Box::pin(async move {
            let _ = other.busy(Duration::from_mins(1)).timeout(LONG).await;
        });
        poll_fn(|task| {
            assert!(call.as_mut().poll(task).is_pending());
            Poll::Ready(())
        })
        .await;
        self.kept.push(call);
    }

    /// Gives a call up, then calls another.
    pub async fn give_up(
        &mut self,
        given_up: ActorRef<Desk>,
        other: ActorRef<Desk>,
    ) -> Result<u64, CallError> {
        tokio::select! {
            biased;
            _ = given_up.get().timeout(Duration::from_mins(1)) => {}
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
        tokio::time::sleep(Duration::from_secs(9)).await;
        other.get().await
    }

    /// Asks for its own total, from a task beside this turn, and waits for a while.
    pub async fn beside(&mut self, cx: &mut Context<Self>, reply: ReplyPort<Result<u64, CallError>>) {
        let me = cx.me();
        let asks = async move { reply.send(me.get().timeout(Duration::from_secs(1)).await) };
        cx.spawn(asks).unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
}

const LONG: Duration = Duration::from_mins(2);
static A: Name<Desk> = Name::new("a");
static B: Name<Desk> = Name::new("b");
static C: Name<Desk> = Name::new("c");

async fn desks() -> [ActorRef<Desk>; 3] {
    let system = System::new("test");
    let spawn = async |name| system.spawn(Desk::spec().name(name)).await.unwrap();
    [spawn(A).await, spawn(B).await, spawn(C).await]
}

/// The names and methods of the chain.
fn chain<T: std::fmt::Debug>(result: Result<T, CallError>) -> Vec<String> {
    match result {
        Err(CallError::Deadlock { chain }) => {
            let step = |step: &quorate::Awaited| format!("{}.{}", step.name, step.method);
            chain.iter().map(step).collect()
        }
        other => panic!("no deadlock: {other:?}"),
    }
}

#[test]
fn two_that_call_each_other_are_told_the_chain_at_the_deadline() {
    testing::run(async {
        let [a, b, _] = desks().await;
        let start = Instant::now();
        let five = Duration::from_secs(5);
        let told = a
            .pass(vec![b.clone(), a.clone()], five)
            .timeout(LONG)
            .await
            .unwrap();
        assert_eq!(start.elapsed(), five);
        let text = told.clone().unwrap_err().to_string();
        assert_eq!(chain(told), ["b.pass", "a.get"]);
        let ids = (ActorRef::id(&b), ActorRef::id(&a));
        let expected = format!(
            "no reply within the deadline, by a deadlock: the caller waits for `b{}.pass`, which waits for `a{}.get`, which is the caller",
            ids.0, ids.1
        );
        assert_eq!(text, expected);
        assert!(a.get().await.is_ok(), "both go on");
        assert!(b.get().await.is_ok(), "both go on");
    });
}

#[test]
fn a_longer_circle_is_told_as_a_whole() {
    testing::run(async {
        let [a, b, c] = desks().await;
        let route = vec![b, c, a.clone()];
        let told = a.pass(route, Duration::from_secs(1)).timeout(LONG).await.unwrap();
        assert_eq!(chain(told), ["b.pass", "c.pass", "a.get"]);
    });
}

#[test]
fn a_circle_that_the_caller_waits_for_but_is_not_in_is_a_timeout() {
    testing::run(async {
        let [a, b, c] = desks().await;
        let circle = b
            .pass(vec![c.clone(), b.clone()], Duration::from_mins(1))
            .timeout(LONG);
        let outside = a.pass(vec![b.clone()], Duration::from_secs(1)).timeout(LONG);
        let (circle, outside) = tokio::join!(circle, outside);
        assert_eq!(outside, Ok(Err(CallError::Timeout)));
        assert_eq!(chain(circle.unwrap()), ["c.pass", "b.get"]);
    });
}

#[test]
fn one_that_is_slow_is_a_timeout() {
    testing::run(async {
        let [a, b, c] = desks().await;
        c.busy(Duration::from_mins(1)).cast().unwrap();
        let told = a.pass(vec![b, c], Duration::from_secs(1)).timeout(LONG).await;
        assert_eq!(told, Ok(Err(CallError::Timeout)));
    });
}

#[test]
fn of_several_calls_of_a_turn_the_one_in_the_circle_is_told() {
    testing::run(async {
        let [a, b, c] = desks().await;
        let (circle, slow) = a.pass_both(vec![b, a.clone()], c).timeout(LONG).await.unwrap();
        assert_eq!(chain(circle), ["b.pass", "a.get"]);
        assert_eq!(slow, Err(CallError::Timeout));
    });
}

#[test]
fn a_call_that_was_given_up_is_no_part_of_a_chain() {
    testing::run(async {
        let [a, b, c] = desks().await;
        b.busy(Duration::from_secs(3)).cast().unwrap();
        // It waits for `b` at first, then for nothing, then for `c`, while `b` calls it.
        let gives_up = a.give_up(b.clone(), c.clone()).timeout(LONG);
        let calls = b.pass(vec![a.clone()], Duration::from_secs(4)).timeout(LONG);
        let (gives_up, called) = tokio::join!(gives_up, calls);
        assert_eq!((gives_up, called), (Ok(Ok(1)), Ok(Err(CallError::Timeout))));
    });
}

#[test]
fn a_call_that_waits_for_room_is_part_of_a_chain() {
    testing::run(async {
        let system = System::new("test");
        let small = |name| system.spawn(Desk::spec().name(name).mailbox(1));
        let (a, b) = (small(A).await.unwrap(), small(B).await.unwrap());
        b.busy(Duration::from_millis(100)).await.unwrap();
        b.busy(Duration::from_millis(100)).cast().unwrap();
        let route = vec![b.clone(), a.clone()];
        let circle = a.pass(route, Duration::from_secs(1)).timeout(LONG);
        // While `b` does not call yet.
        let fill = async {
            testing::advance(Duration::from_millis(50)).await;
            a.busy(Duration::ZERO).cast().unwrap();
        };
        let (told, ()) = tokio::join!(circle, fill);
        assert_eq!(chain(told.unwrap()), ["b.pass", "a.get"]);
    });
}

#[test]
fn a_task_beside_the_turn_blocks_nobody_and_is_told_a_timeout() {
    testing::run(async {
        let [a, ..] = desks().await;
        assert_eq!(a.beside().timeout(LONG).await, Ok(Err(CallError::Timeout)));
    });
}

#[test]
fn calls_that_are_answered_leave_nothing_behind() {
    testing::run(async {
        let [a, b, c] = desks().await;
        for _ in 0..200 {
            let route = vec![b.clone(), c.clone()];
            assert!(a.pass(route, Duration::from_secs(1)).await.unwrap().is_ok());
            let route = vec![c.clone(), b.clone()];
            let told = a.pass(route, Duration::from_secs(1)).await;
            assert!(told.unwrap().is_ok());
        }
        b.busy(Duration::from_mins(1)).cast().unwrap();
        let told = a.pass(vec![b], Duration::from_secs(1)).timeout(LONG).await;
        assert_eq!(told, Ok(Err(CallError::Timeout)));
    });
}

#[test]
fn of_two_that_call_each_other_at_once_one_is_told_and_both_go_on() {
    testing::run(async {
        let [a, b, _] = desks().await;
        let five = Duration::from_secs(5);
        let one = a.pass(vec![b.clone()], five).timeout(LONG);
        let other = b.pass(vec![a.clone()], five).timeout(LONG);
        let (one, other) = tokio::join!(one, other);
        let told = [one.unwrap(), other.unwrap()];
        let named = told
            .iter()
            .filter(|told| matches!(told, Err(CallError::Deadlock { .. })));
        assert_eq!(named.count(), 1, "{told:?}");
        assert!(told.iter().all(Result::is_err), "{told:?}");
        assert!(a.get().await.is_ok() && b.get().await.is_ok());
    });
}

#[test]
fn a_turn_may_wait_for_more_calls_than_are_noted() {
    testing::run(async {
        let [a, b, _] = desks().await;
        assert_eq!(a.ask_often(b, 1000).await, Ok(1000));
    });
}

#[test]
fn a_call_that_is_kept_for_a_later_turn_is_no_part_of_a_chain() {
    testing::run(async {
        let [a, b, _] = desks().await;
        // `a` waits for nothing between its turns, whatever it has begun.
        a.keep(b.clone()).await.unwrap();
        a.busy(Duration::from_mins(1)).cast().unwrap();
        testing::advance(Duration::from_mins(2)).await;
        a.busy(Duration::from_mins(1)).cast().unwrap();
        let told = b.pass(vec![a], Duration::from_secs(1)).timeout(LONG).await;
        assert_eq!(told, Ok(Err(CallError::Timeout)));
    });
}
