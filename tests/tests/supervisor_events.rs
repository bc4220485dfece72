//! Restarts and escalations as events with the child's spec. Alone in its process, see [`Lines`].

use quorate::prelude::*;
use quorate::testing::{self, Log};
use tests::lines::Lines;
use tests::parts::{plans, settle, trio_spec};
use tracing::Level;

/// Above a trio, so that its escalation has somewhere to go.
#[supervisor]
struct Above {
    #[child]
    trio: tests::parts::Trio,
}

#[test]
fn restarts_and_escalations_are_events_with_the_childs_spec() {
    testing::run(async {
        let (lines, _guard) = Lines::of(Level::INFO);
        let system = System::new("test");
        let spec = Above::spec(trio_spec(&plans(&Log::default())));
        let above = system.spawn(spec).await.unwrap();
        assert_eq!(lines.take(), Vec::<String>::new(), "a start is no event");

        assert!(above.trio.a.crash().await.is_err());
        settle().await;
        let seen = lines.take();
        let has = |line: &str, parts: &[&str]| parts.iter().all(|part| line.contains(part));
        let path = "tests::Above/trio/a";
        assert_eq!(seen.len(), 2, "{seen:#?}");
        assert!(
            has(&seen[0], &["ERROR", "quorate::exit", "an actor ended", "crash"]),
            "{seen:#?}"
        );
        let restart = [
            "INFO",
            "quorate::supervision",
            "a child is restarted",
            path,
            "restarts=1",
            "last_exit=panicked at",
            "restart=Permanent",
            "shutdown=After(5s)",
        ];
        assert!(has(&seen[1], &restart), "{seen:#?}");

        for _ in 0..3 {
            assert!(above.trio.a.crash().await.is_err());
            settle().await;
        }
        let seen = lines.take();
        let count = |parts: &[&str]| seen.iter().filter(|line| has(line, parts)).count();
        let restarts = |path: &str| count(&[&format!("a child is restarted path=\"{path}\"")]);
        assert_eq!(
            (restarts(path), restarts("tests::Above/trio")),
            (2, 1),
            "{seen:#?}"
        );
        assert_eq!(
            count(&["too many restarts path=\"tests::Above/trio\""]),
            1,
            "{seen:#?}"
        );
    });
}
