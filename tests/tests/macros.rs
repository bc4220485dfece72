//! What the annotations make, by behaviour through the public API.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use quorate::prelude::*;
use quorate::testing;
use quorate::wire::{ConnectOptions, ListenOptions, Listener};
use tokio::sync::mpsc;

mod counter {
    //! An actor that is private to its module, as in a program's `main.rs`.

    use quorate::prelude::*;

    /// A running total.
    #[actor(restart = transient, shutdown = "2s", mailbox = 2, backoff = "10ms..1s")]
    #[derive(Default)]
    pub struct Counter {
        total: u64,
    }

    #[actor]
    impl Counter {
        /// Adds `n` and answers the new total.
        pub(super) fn add(&mut self, n: u64) -> u64 {
            self.total += n;
            self.total
        }

        pub(super) async fn reset(&mut self, cx: &mut Context<Self>) {
            tokio::task::yield_now().await;
            self.total = 0;
        }

        pub(super) fn total(&self) -> u64 {
            self.helped()
        }

        fn helped(&self) -> u64 {
            self.total
        }
    }
}

use counter::{Counter, CounterMessage};

#[test]
fn the_methods_of_an_actor_are_requests_of_its_ref() {
    testing::run(async {
        let system = System::new("macros");
        let counter = system.spawn(Counter::spec()).await.unwrap();
        assert_eq!(counter.add(2).await, Ok(2));
        assert_eq!(counter.add(3).timeout(Duration::from_secs(1)).await, Ok(5));
        counter.reset().cast().unwrap();
        assert_eq!(counter.total().await, Ok(0));
        system.shutdown().await.unwrap();
    });
}

#[test]
fn the_annotation_on_the_struct_is_the_policy() {
    let policy = <Counter as Actor>::POLICY;
    assert_eq!(policy.restart, Restart::Transient);
    assert_eq!(policy.shutdown, Shutdown::After(Duration::from_secs(2)));
    assert_eq!(policy.mailbox, 2);
    let backoff = policy.backoff.unwrap();
    assert_eq!(
        (backoff.min, backoff.max),
        (Duration::from_millis(10), Duration::from_secs(1))
    );
}

#[test]
fn the_wire_name_is_the_package_and_the_type_or_what_is_said() {
    assert_eq!(Counter::NAME, "tests::Counter");
    assert_eq!(Ledger::NAME, "shop::Ledger");
    assert!(Counter::WIRE.is_some());
    assert!(Local::WIRE.is_none());
}

#[test]
fn a_message_can_be_sent_as_a_value() {
    testing::run(async {
        let system = System::new("macros");
        let counter = system.spawn(Counter::spec()).await.unwrap();
        ActorRef::send(&counter, CounterMessage::Add { n: 7 }).unwrap();
        assert_eq!(counter.total().await, Ok(7));
        ActorRef::send(&counter, CounterMessage::Reset).unwrap();
        assert_eq!(counter.total().await, Ok(0));
        system.shutdown().await.unwrap();
    });
}

#[test]
fn a_cast_that_does_not_fit_gives_the_message_back() {
    testing::run(async {
        let system = System::new("macros");
        let counter = system.spawn(Counter::spec()).await.unwrap();
        // The actor shares this test's thread, so it handles nothing in between.
        counter.add(1).cast().unwrap();
        counter.add(2).cast().unwrap();
        let Err(CastError::Full(CounterMessage::Add { n })) = counter.add(3).cast() else {
            panic!("the mailbox holds two messages");
        };
        assert_eq!(n, 3);
        system.shutdown().await.unwrap();
    });
}

/// One posting.
#[message]
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// From whom to whom.
    pub parties: (String, String),
    /// How much.
    pub amount: u64,
    /// What for.
    pub kind: Kind,
}

/// What for.
#[message]
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A sale.
    Sale,
    /// A refund of a sale.
    Refund(u64),
    /// Anything else, in words.
    Other(Option<String>),
}

fn entry(amount: u64) -> Entry {
    Entry {
        parties: ("ada".into(), "bob".into()),
        amount,
        kind: Kind::Refund(3),
    }
}

/// The refusal of a ledger.
#[message]
#[derive(Debug, PartialEq)]
pub struct Overdrawn;

/// Keeps entries.
#[actor]
pub struct Ledger {
    path: String,
    balance: u64,
    waiting: Vec<ReplyPort<u64>>,
}

#[actor(name = "shop::Ledger")]
impl Ledger {
    /// Opens the ledger at `path`.
    #[init]
    async fn open(path: String, cx: &mut Context<Self>) -> Result<Self, std::io::Error> {
        tokio::task::yield_now().await;
        if path.is_empty() {
            return Err(std::io::Error::other("no path"));
        }
        let _ = cx.me();
        Ok(Self {
            path,
            balance: 100,
            waiting: Vec::new(),
        })
    }

    /// Posts an owned entry.
    pub fn post(&mut self, entry: Entry) -> Result<u64, Overdrawn> {
        self.balance = self.balance.checked_sub(entry.amount).ok_or(Overdrawn)?;
        Ok(self.balance)
    }

    /// Reads the entry where it lies.
    pub fn peek(&mut self, entry: &Archived<Entry>) -> u64 {
        entry.amount.to_native()
    }

    /// Reads text and bytes where they lie.
    pub fn measure(&self, text: &str, bytes: &[u8], cx: &mut Context<Self>) -> (u64, u64) {
        (text.len() as u64, bytes.len() as u64)
    }

    /// Answers at the next [`settle`](Self::settle).
    pub fn settled(&mut self, reply: ReplyPort<u64>) {
        self.waiting.push(reply);
    }

    /// Answers all who wait.
    pub async fn settle(&mut self) {
        tokio::task::yield_now().await;
        for port in self.waiting.drain(..) {
            port.send(self.balance);
        }
    }

    /// Arguments whose names mean something else in the generated code.
    pub fn names(&self, args: u8, port: u8, envelope: u8, r#type: u8, _unused: u8, (a, b): (u8, u8)) -> u8 {
        args + port + envelope + r#type + a + b
    }

    /// Where it is kept.
    pub fn r#where(&self) -> String {
        self.path.clone()
    }

    /// Only in builds with the impossible.
    #[cfg(any())]
    pub fn impossible(&self, never: Impossible) {}
}

async fn ledger(system: &System) -> ActorRef<Ledger> {
    system.spawn(Ledger::spec("ledger".to_owned())).await.unwrap()
}

#[test]
fn a_call_of_a_fallible_method_has_two_layers() {
    testing::run(async {
        let system = System::new("macros");
        let ledger = ledger(&system).await;
        assert_eq!(ledger.post(entry(30)).await, Ok(Ok(70)));
        assert_eq!(ledger.post(entry(80)).await, Ok(Err(Overdrawn)));
        system.shutdown().await.unwrap();
    });
}

#[test]
fn an_archived_parameter_takes_a_value_a_reference_or_an_archive() {
    testing::run(async {
        let system = System::new("macros");
        let ledger = ledger(&system).await;
        let entry = entry(5);
        assert_eq!(ledger.peek(&entry).await, Ok(5));
        assert_eq!(ledger.peek(Archive::of(&entry)).await, Ok(5));
        assert_eq!(ledger.peek(entry).await, Ok(5));
        system.shutdown().await.unwrap();
    });
}

#[test]
fn text_and_bytes_are_lent_to_the_handler() {
    testing::run(async {
        let system = System::new("macros");
        let ledger = ledger(&system).await;
        assert_eq!(ledger.measure("four", b"three").await, Ok((4, 5)));
        assert_eq!(ledger.measure(String::from("a"), vec![1, 2]).await, Ok((1, 2)));
        system.shutdown().await.unwrap();
    });
}

#[tokio::test]
async fn all_kinds_of_arguments_travel_between_nodes() {
    const NAME: Name<Ledger> = Name::new("ledger");
    let (server, client) = (System::new("server"), System::new("client"));
    server
        .spawn(Ledger::spec("far".to_owned()).name(NAME))
        .await
        .unwrap();
    let listen = ListenOptions::cluster("shop");
    let listener = Listener::bind_with("127.0.0.1:0".parse().unwrap(), listen)
        .await
        .unwrap();
    listener.serve("app", &server).unwrap();
    let peer = client
        .connect(listener.local_addr(), ConnectOptions::new("shop", "app"))
        .await
        .unwrap();
    let ledger = peer.lookup(NAME).await.unwrap();

    assert_eq!(ledger.post(entry(30)).await, Ok(Ok(70)));
    assert_eq!(ledger.post(entry(80)).await, Ok(Err(Overdrawn)));
    assert_eq!(ledger.peek(entry(5)).await, Ok(5));
    assert_eq!(ledger.measure("four", b"three").await, Ok((4, 5)));
    assert_eq!(ledger.names(1, 2, 3, 4, 5, (6, 7)).await, Ok(23));
    let (settled, settle) = tokio::join!(ledger.settled().into_future(), ledger.settle().into_future());
    assert_eq!((settled, settle), (Ok(70), Ok(())));
    client.shutdown().await.unwrap();
    server.shutdown().await.unwrap();
}

#[test]
fn a_reply_port_answers_later() {
    testing::run(async {
        let system = System::new("macros");
        let ledger = ledger(&system).await;
        let (settled, settle) = tokio::join!(ledger.settled().into_future(), ledger.settle().into_future());
        assert_eq!((settled, settle), (Ok(100), Ok(())));
        system.shutdown().await.unwrap();
    });
}

#[test]
fn arguments_may_have_any_name() {
    testing::run(async {
        let system = System::new("macros");
        let ledger = ledger(&system).await;
        assert_eq!(ledger.names(1, 2, 3, 4, 5, (6, 7)).await, Ok(23));
        assert_eq!(ledger.r#where().await, Ok("ledger".to_owned()));
        let message = LedgerMessage::Names {
            args: 1,
            port: 2,
            envelope: 3,
            r#type: 4,
            unused: 5,
            arg5: (6, 7),
        };
        ActorRef::send(&ledger, message).unwrap();
        system.shutdown().await.unwrap();
    });
}

#[test]
fn a_failed_init_is_the_error_of_the_spawn() {
    testing::run(async {
        let system = System::new("macros");
        let failed = system.spawn(Ledger::spec(String::new())).await.unwrap_err();
        assert_eq!(failed, quorate::StartError::Failed(ExitReason::error("no path")));
        system.shutdown().await.unwrap();
    });
}

/// Local: its messages could not be archived.
#[actor]
pub struct Local {
    seen: mpsc::UnboundedSender<String>,
}

#[actor(local)]
impl Local {
    /// Runs something.
    pub fn run(&mut self, f: Box<dyn FnOnce(&str) -> String + Send>) -> &'static str {
        let _ = self.seen.send(f("ran"));
        "done"
    }

    /// Fails the actor.
    pub fn fail(&mut self, cx: &mut Context<Self>) {
        cx.fail("asked to");
    }

    /// Panics.
    pub fn panic(&mut self, text: String) {
        panic!("{text}");
    }

    /// Monitors another.
    pub fn watch(&mut self, other: ActorRef<Counter>, cx: &mut Context<Self>) {
        cx.monitor(&other);
    }

    #[stopped]
    async fn on_stop(&mut self, cx: &mut Context<Self>, reason: &ExitReason) {
        tokio::task::yield_now().await;
        let _ = self.seen.send(format!("stopped: {reason}"));
    }

    #[down]
    fn on_down(&mut self, down: Down) {
        let _ = self.seen.send(format!("down: it {}", down.reason));
    }

    #[tick(every = "10ms")]
    fn often(&mut self) {
        let _ = self.seen.send("often".to_owned());
    }

    #[tick(every = "2s")]
    async fn seldom(&mut self, cx: &mut Context<Self>) {
        tokio::task::yield_now().await;
        let _ = self.seen.send("seldom".to_owned());
    }
}

async fn local(system: &System) -> (ActorRef<Local>, mpsc::UnboundedReceiver<String>) {
    let (seen, sees) = mpsc::unbounded_channel();
    let spec = Local::spec_with(move || Local { seen: seen.clone() }).restart(Restart::Temporary);
    (system.spawn(spec).await.unwrap(), sees)
}

/// The next thing seen that begins with `prefix`.
async fn next(sees: &mut mpsc::UnboundedReceiver<String>, prefix: &str) -> String {
    loop {
        let seen = sees.recv().await.expect("the actor keeps its sender");
        if seen.starts_with(prefix) {
            return seen;
        }
    }
}

#[test]
fn a_local_actor_takes_what_cannot_be_archived() {
    testing::run(async {
        let system = System::new("macros");
        let (local, mut sees) = local(&system).await;
        assert_eq!(local.run(Box::new(str::to_uppercase)).await, Ok("done"));
        assert_eq!(next(&mut sees, "RAN").await, "RAN");
        system.shutdown().await.unwrap();
    });
}

#[test]
fn the_stopped_hook_is_told_the_reason() {
    testing::run(async {
        let system = System::new("macros");
        let (local, mut sees) = local(&system).await;
        local.fail().cast().unwrap();
        assert_eq!(next(&mut sees, "stopped").await, "stopped: failed: asked to");
        system.shutdown().await.unwrap();
    });
}

#[test]
fn the_down_hook_is_told_of_a_monitored_actor() {
    testing::run(async {
        let system = System::new("macros");
        let (local, mut sees) = local(&system).await;
        let counter = system.spawn(Counter::spec()).await.unwrap();
        local.watch(counter.clone()).await.unwrap();
        ActorRef::stop(&counter);
        assert_eq!(next(&mut sees, "down").await, "down: it stopped");
        system.shutdown().await.unwrap();
    });
}

#[test]
fn ticks_come_in_their_periods() {
    testing::run(async {
        let system = System::new("macros");
        let (_local, mut sees) = local(&system).await;
        let started = tokio::time::Instant::now();
        next(&mut sees, "often").await;
        next(&mut sees, "often").await;
        assert!(started.elapsed() >= Duration::from_millis(20));
        next(&mut sees, "seldom").await;
        assert!(started.elapsed() >= Duration::from_secs(2));
        system.shutdown().await.unwrap();
    });
}

/// Two counters and a ledger.
#[supervisor(strategy = one_for_one, intensity = 2, period = "10s")]
pub struct Shop {
    /// The books.
    #[child(shutdown = "1s")]
    pub ledger: Ledger,
    #[child(default)]
    visits: Counter,
    #[child(restart = temporary)]
    /// No relation.
    pub local: Local,
}

#[test]
fn the_handle_of_a_supervisor_has_its_childrens_refs() {
    testing::run(async {
        let starts = Arc::new(AtomicU32::new(0));
        let system = System::new("macros");
        let (seen, _sees) = mpsc::unbounded_channel();
        let counted = Arc::clone(&starts);
        let local = Local::spec_with(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            Local { seen: seen.clone() }
        });
        let shop = system
            .spawn(Shop::spec(Ledger::spec("books".to_owned()), local))
            .await
            .unwrap();
        assert_eq!(shop.ledger.r#where().await, Ok("books".to_owned()));
        assert_eq!(shop.visits.add(1).await, Ok(1));

        // `restart = temporary` of the field stands over the policy of the actor.
        let visits = shop.visits.clone();
        assert!(shop.local.panic("ended".to_owned()).await.is_err());
        ActorRef::exited(&shop.local).await;
        assert_eq!(
            shop.local.run(Box::new(str::to_owned)).await,
            Err(CallError::Gone)
        );
        assert_eq!(starts.load(Ordering::Relaxed), 1);
        assert_eq!(visits.add(1).await, Ok(2));
        system.shutdown().await.unwrap();
    });
}
