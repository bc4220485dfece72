//! Who sits in a seat one after another, and who watches.

use std::sync::atomic::AtomicUsize;

use super::*;

const ROUNDS: usize = 20_000;
const TYPE: &Type = &Type {
    name: "test",
    methods: &[],
};

#[test]
fn who_watches_the_next_incarnation_is_not_told_of_the_end_of_the_last() {
    let told = Arc::new(AtomicUsize::new(0));
    for _ in 0..ROUNDS {
        let seat = Seat::new(TYPE, None, None);
        seat.begin();
        std::thread::scope(|threads| {
            threads.spawn(|| {
                while !seat.is_vacant() {
                    std::hint::spin_loop();
                }
                seat.begin();
                let told = Arc::clone(&told);
                seat.monitor(Watcher::new(MonitorId::next(), move |_| {
                    told.fetch_add(1, Ordering::SeqCst);
                }));
            });
            seat.end(&ExitReason::Killed);
        });
        assert_eq!(told.load(Ordering::SeqCst), 0);
    }
}
