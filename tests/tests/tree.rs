//! The live tree as a value, what a shutdown tells, and the events of supervision.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use quorate::prelude::*;
use quorate::supervision::ChildStatus;
use tokio::sync::oneshot;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

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
    let (ended, crashed) = tokio::join!(ActorRef::exited(part), async {
        let crashed = part.crash().await;
        ActorRef::kill(part);
        crashed
    });
    assert!(crashed.is_err(), "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn the_tree_tells_what_runs_what_waits_and_what_was_restarted() {
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
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_says_what_it_had_to_kill() {
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
}

/// Keeps what happens, as text.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<String>>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        use std::fmt::Write;
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Subscriber for Events {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO && metadata.is_event()
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(event.metadata().target().to_owned());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn r20_r41_restarts_and_escalations_are_events_with_the_spec_and_expected_exits_are_silent() {
    let events = Events::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    tracing::subscriber::with_default(events.clone(), || {
        runtime.block_on(async {
            let system = System::new("demo");
            let quiet = system
                .spawn(Part::spec().restart(Restart::Transient).shutdown(Shutdown::Kill))
                .await
                .unwrap();
            assert_eq!(quiet.ping().await, Ok(()));
            assert!(
                events.0.lock().unwrap().is_empty(),
                "{events:?}",
                events = events.0
            );
            let top = system.spawn(Top::spec()).await.unwrap();
            for _ in 0..2 {
                crash(&top.pair.left).await;
            }
            while top.pair.left.ping().await.is_err() {
                // Its supervisor is on its way back.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            system.terminate(&top).await;
        });
    });
    let events = events.0.lock().unwrap();
    let seen = |parts: &[&str]| {
        let all = |event: &&String| parts.iter().all(|part| event.contains(part));
        events.iter().filter(all).count()
    };
    let restart = ["quorate::supervision", "a child is restarted"];
    assert_eq!(
        seen(&[
            restart[0],
            restart[1],
            "tests::Top/pair/left",
            "restart=Permanent"
        ]),
        1,
        "{events:#?}"
    );
    assert_eq!(
        seen(&[restart[0], restart[1], "path=\"tests::Top/pair\""]),
        1,
        "{events:#?}"
    );
    assert_eq!(seen(&["too many restarts", "tests::Top/pair"]), 1, "{events:#?}");
    assert_eq!(seen(&["quorate::exit", "as it was told"]), 2, "{events:#?}");
}
