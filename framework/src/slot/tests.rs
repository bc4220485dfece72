//! What the two ends of a slot see of each other, one after the other. Side by side they are in `loom_tests`.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::Wake;
use std::thread;

use super::*;

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn poll<T>(receiver: &mut Receiver<T>, woken: &Arc<Woken>) -> Poll<Option<T>> {
    receiver.poll(&mut Context::from_waker(&Waker::from(Arc::clone(woken))))
}

fn times(woken: &Woken) -> usize {
    woken.0.load(Ordering::SeqCst)
}

#[test]
fn a_slot_with_a_number_is_one_line() {
    assert_eq!(size_of::<Slot<Result<u64, Box<u8>>>>(), 56);
    assert_eq!(size_of::<Option<Sender<u64>>>(), size_of::<usize>());
}

#[test]
fn who_does_not_wait_yet_is_not_woken_and_finds_the_value() {
    let (sender, mut receiver) = pair(Instant::now());
    let woken = Arc::default();
    sender.send(7);
    assert_eq!(poll(&mut receiver, &woken), Poll::Ready(Some(7)));
    assert_eq!(times(&woken), 0);
    assert_eq!(poll(&mut receiver, &woken), Poll::Ready(None), "taken once");
}

#[test]
fn who_waits_is_woken_once_by_its_last_waker() {
    let (sender, mut receiver) = pair(Instant::now());
    let (first, last) = (Arc::default(), Arc::default());
    for waker in [&first, &last, &last] {
        assert!(poll(&mut receiver, waker).is_pending());
    }
    assert_eq!(Arc::strong_count(&first), 1, "it is held no longer");
    sender.send(7);
    assert_eq!((times(&first), times(&last)), (0, 1));
    assert_eq!(poll(&mut receiver, &last), Poll::Ready(Some(7)));
    assert_eq!(Arc::strong_count(&last), 1);
}

#[test]
fn a_sender_without_a_value_is_heard_of() {
    let (sender, mut receiver) = pair::<u64>(Instant::now());
    let woken = Arc::default();
    assert!(poll(&mut receiver, &woken).is_pending());
    drop(sender);
    assert_eq!(times(&woken), 1);
    assert_eq!(poll(&mut receiver, &woken), Poll::Ready(None));
}

#[test]
fn a_sender_knows_that_nobody_waits_and_until_when() {
    let deadline = Instant::now();
    let (sender, mut receiver) = pair::<u64>(deadline);
    assert_eq!((sender.is_closed(), sender.deadline()), (false, deadline));
    let woken = Arc::default();
    assert!(poll(&mut receiver, &woken).is_pending());
    assert!(!sender.is_closed());
    drop(receiver);
    assert!(sender.is_closed());
    assert_eq!(Arc::strong_count(&woken), 1, "who has gone is not held");
}

#[test]
fn a_value_is_dropped_once_wherever_it_ends() {
    let held = Arc::new(());
    let (woken, count) = (Arc::default(), || Arc::strong_count(&held));
    let (sender, receiver) = pair(Instant::now());
    drop(receiver);
    sender.send(Arc::clone(&held));
    assert_eq!(count(), 1, "late");
    for waits in [false, true] {
        let (sender, mut receiver) = pair(Instant::now());
        assert!(!waits || poll(&mut receiver, &woken).is_pending());
        sender.send(Arc::clone(&held));
        assert_eq!(count(), 2);
        drop(receiver);
        assert_eq!(count(), 1, "not taken");
    }
    let (sender, mut receiver) = pair(Instant::now());
    sender.send(Arc::clone(&held));
    drop(poll(&mut receiver, &woken));
    assert_eq!(count(), 1, "taken");
}

#[test]
fn a_value_whose_drop_panics_leaves_the_store_whole() {
    struct Falls(Arc<()>);

    impl Drop for Falls {
        fn drop(&mut self) {
            panic!("{} hold it, as the test wants", Arc::strong_count(&self.0));
        }
    }

    let held = Arc::new(());
    for late in [false, true] {
        let (sender, receiver) = pair(Instant::now());
        let falls = Falls(Arc::clone(&held));
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            if late {
                drop(receiver);
                sender.send(falls);
            } else {
                sender.send(falls);
                drop(receiver);
            }
        }));
        assert!(ended.is_err());
        assert_eq!(Arc::strong_count(&held), 1);
    }
}

#[test]
fn many_replies_from_another_thread_are_all_heard() {
    const REPLIES: u64 = 20_000;
    let (to_actor, calls) = std::sync::mpsc::sync_channel::<Sender<u64>>(8);
    let actor = thread::spawn(move || (0..REPLIES).zip(calls).for_each(|(n, call)| call.send(n)));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for n in 0..REPLIES {
        let (sender, mut receiver) = pair(Instant::now());
        to_actor.send(sender).unwrap();
        if n % 3 > 0 {
            let value = runtime.block_on(std::future::poll_fn(|cx| receiver.poll(cx)));
            assert_eq!(value, Some(n));
        }
    }
    actor.join().unwrap();
}
