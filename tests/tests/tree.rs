//! The live tree as a value, and what a shutdown tells.

use quorate::prelude::*;
use quorate::supervision::ChildStatus;
use quorate::testing::{self, Life};
use tokio::sync::oneshot;

/// One part of a tree.
#[actor(mailbox = 4)]
#[derive(Default)]
struct Part;

#[actor(local)]
impl Part {
    pub fn ping(&mut self) {}

    pub fn crash(&mut self) {
        panic!("as it was told")
    }

    pub async fn hold(&mut self, entered: oneshot::Sender<()>) {
        let _ = entered.send(());
        std::future::pending::<()>().await;
    }

    /// Waits for ever when it is stopped.
    #[stopped]
    async fn stopped(&mut self) {
        std::future::pending::<()>().await;
    }
}

/// A pair.
#[supervisor(strategy = one_for_one, intensity = 1, period = "5s")]
struct Pair {
    #[child(default, shutdown = kill)]
    left: Part,
    #[child(default, shutdown = "1s")]
    right: Part,
}

/// A tree of two levels.
#[supervisor]
struct Top {
    #[child(default, shutdown = kill)]
    single: Part,
    #[child(default)]
    pair: Pair,
    #[child]
    jobs: TaskSupervisor,
}

/// Lets an actor that stops for ever be killed.
async fn crash(part: &ActorRef<Part>) {
    let life = Life::of(part);
    let crashed = part.crash().await;
    ActorRef::kill(part);
    let ended = life.ended().await;
    assert!(crashed.is_err(), "{ended:?}");
}

#[test]
fn the_tree_tells_what_runs_what_waits_and_what_was_restarted() {
    testing::run(async {
        let system = System::new("demo");
        let top = system.spawn(Top::spec()).await.unwrap();
        crash(&top.pair.left).await;
        assert_eq!(top.pair.left.ping().await, Ok(()));
        let (entered, has_entered) = oneshot::channel();
        top.single.hold(entered).cast().unwrap();
        has_entered.await.unwrap();
        top.single.ping().cast().unwrap();
        top.single.ping().cast().unwrap();

        let tree = system.tree().await;
        let left = tree.find("tests::Top/pair/left").expect("it is there");
        assert_eq!(left.restarts, 1);
        assert!(
            matches!(left.last_exit, Some(ExitReason::Panic { .. })),
            "{left:?}"
        );
        assert!(matches!(left.info.status, ChildStatus::Running(_)));
        assert!(tree.find("tests::Top/pair/middle").is_none());
        let drawn = tree.to_string();
        let lines: Vec<&str> = drawn.lines().collect();
        let panicked = left.last_exit.as_ref().unwrap();
        assert_eq!(
            lines,
            [
                "demo",
                "└─ tests::Top [tests::Top] running, a supervisor",
                "   ├─ single [tests::Part] running, 2 of 4 wait",
                "   ├─ pair [tests::Pair] running, a supervisor",
                &format!("   │  ├─ left [tests::Part] running, restarted once, the last one {panicked}"),
                "   │  └─ right [tests::Part] running",
                "   └─ jobs [quorate::TaskSupervisor] running, a supervisor",
            ]
        );
    });
}

#[test]
fn a_shutdown_says_what_it_had_to_kill() {
    testing::run(async {
        let system = System::new("demo");
        system.spawn(Top::spec()).await.unwrap();
        let report = system.shutdown_report().await;
        let killed: Vec<_> = report.killed.iter().map(|one| one.path.as_str()).collect();
        assert_eq!(
            killed,
            ["tests::Top/pair/right"],
            "the others' policy is to be killed"
        );
        assert_eq!(report.to_string(), "tests::Top/pair/right was killed");
        assert_eq!(system.shutdown().await, Ok(()), "nothing is left");
        assert!(system.tree().await.children.is_empty());
    });
}
