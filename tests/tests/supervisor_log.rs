//! What a supervisor's children leave in the log (R20). Alone in its process, see [`Lines`].

use quorate::prelude::*;
use quorate::testing::{self, Log};
use tests::lines::Lines;
use tests::parts::{settle, trio};
use tracing::Level;

#[test]
fn r20_expected_ends_are_silent_and_anything_else_is_logged() {
    testing::run(async {
        let (lines, _guard) = Lines::of(Level::WARN);
        let logged = || lines.take().join("\n");
        let (system, log) = (System::new("test"), Log::default());
        let (trio, _) = trio(&system, &log).await;
        ActorRef::stop(&trio.a);
        ActorRef::terminate_child(&trio, "b").await.unwrap();
        settle().await;
        assert_eq!(logged(), "");
        trio.c.fail().await.unwrap();
        settle().await;
        let line = logged();
        assert!(
            line.contains("an actor ended") && line.contains("as asked"),
            "{line}"
        );
        ActorRef::kill(&trio.c);
        settle().await;
        assert!(logged().contains("was killed"));
        system.shutdown().await.unwrap();
        assert_eq!(logged(), "");
    });
}
