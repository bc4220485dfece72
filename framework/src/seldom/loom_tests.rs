//! Every interleaving of those who make and look at what is made once, by loom.

use loom::sync::Arc;
use loom::thread;

use super::MadeOnce;

#[test]
fn loom_of_two_who_make_it_both_get_the_same_and_one_drops_his() {
    loom::model(|| {
        let values = [Arc::new(1), Arc::new(2)];
        let once = Arc::new(MadeOnce::new());
        let other = {
            let (once, value) = (Arc::clone(&once), Arc::clone(&values[0]));
            thread::spawn(move || **once.get_or_init(|| value))
        };
        let mine = **once.get_or_init(|| Arc::clone(&values[1]));
        assert_eq!(once.get().map(|value| **value), Some(mine));
        assert_eq!(other.join().unwrap(), mine);
        drop(once);
        for value in values {
            assert_eq!(Arc::strong_count(&value), 1);
        }
    });
}

#[test]
fn loom_who_looks_sees_it_whole_or_not_at_all() {
    loom::model(|| {
        let once = Arc::new(MadeOnce::new());
        let other = {
            let once = Arc::clone(&once);
            thread::spawn(move || once.get().map(|value: &[u32; 2]| *value))
        };
        once.get_or_init(|| [7, 8]);
        assert!(matches!(other.join().unwrap(), None | Some([7, 8])));
    });
}
