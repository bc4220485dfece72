//! Every interleaving of the two ends, by loom.

use std::sync::Arc as StdArc;
use std::task::Wake;

use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;

use super::*;

/// What is sent: loom's own pointer, which tells when it is dropped never or twice.
type Held = Arc<u64>;

fn pair() -> (Sender<Held>, Receiver<Held>) {
    super::pair(Instant::now())
}

async fn receive(receiver: &mut Receiver<Held>) -> Option<u64> {
    let value = std::future::poll_fn(|cx| receiver.poll(cx)).await;
    value.map(|value| *value)
}

/// Says by loom's pointer whether it is dropped.
struct Counted(Arc<()>);

impl Wake for Counted {
    fn wake(self: StdArc<Self>) {
        let _ = &self.0;
    }
}

fn waker() -> Waker {
    Waker::from(StdArc::new(Counted(Arc::new(()))))
}

fn poll(receiver: &mut Receiver<Held>, waker: &Waker) -> Poll<Option<u64>> {
    let polled = receiver.poll(&mut Context::from_waker(waker));
    polled.map(|value| value.map(|value| *value))
}

#[test]
fn loom_a_reply_reaches_who_waits() {
    loom::model(|| {
        let (sender, mut receiver) = pair();
        let actor = thread::spawn(move || sender.send(Held::new(7)));
        assert_eq!(block_on(receive(&mut receiver)), Some(7));
        actor.join().unwrap();
    });
}

#[test]
fn loom_a_sender_that_is_dropped_is_heard_of() {
    loom::model(|| {
        let (sender, mut receiver) = pair();
        let actor = thread::spawn(move || drop(sender));
        assert_eq!(block_on(receive(&mut receiver)), None);
        actor.join().unwrap();
    });
}

#[test]
fn loom_a_reply_against_a_caller_who_goes_away() {
    for polls in 0..3 {
        loom::model(move || {
            let (sender, mut receiver) = pair();
            let actor = thread::spawn(move || {
                let _ = sender.is_closed();
                sender.send(Held::new(7));
            });
            let waker = waker();
            let mut answers = (0..polls).map(|_| poll(&mut receiver, &waker));
            if let Some(Poll::Ready(value)) = answers.find(Poll::is_ready) {
                assert_eq!(value, Some(7));
            }
            drop(receiver);
            actor.join().unwrap();
        });
    }
}

#[test]
fn loom_a_sender_that_is_dropped_against_a_caller_who_goes_away() {
    for waits in [false, true] {
        loom::model(move || {
            let (sender, mut receiver) = pair();
            let actor = thread::spawn(move || drop(sender));
            if waits && let Poll::Ready(value) = poll(&mut receiver, &waker()) {
                assert_eq!(value, None);
            }
            drop(receiver);
            actor.join().unwrap();
        });
    }
}

#[test]
fn loom_a_reply_against_a_caller_who_registers_another_waker() {
    loom::model(|| {
        let (sender, mut receiver) = pair();
        let actor = thread::spawn(move || sender.send(Held::new(7)));
        let mut value = poll(&mut receiver, &waker());
        if value.is_pending() {
            value = poll(&mut receiver, &waker());
        }
        let value = match value {
            Poll::Ready(value) => value,
            // The last one that was registered is woken.
            Poll::Pending => block_on(receive(&mut receiver)),
        };
        assert_eq!(value, Some(7));
        actor.join().unwrap();
    });
}

#[test]
fn loom_the_ends_may_go_from_thread_to_thread() {
    loom::model(|| {
        let (sender, mut receiver) = pair();
        let caller = thread::spawn(move || {
            if poll(&mut receiver, &waker()).is_pending() {
                return Some(receiver);
            }
            None
        });
        let actor = thread::spawn(move || sender.send(Held::new(7)));
        let receiver = caller.join().unwrap();
        drop(receiver);
        actor.join().unwrap();
    });
}
