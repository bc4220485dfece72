//! What two holders of one singleton send: once a later one was heard, an earlier one is not heard any more, whatever it believes of
//! its own tenure. Between nodes over real sockets, and within one system.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use quorate::prelude::*;
use quorate::testing;
use quorate::wire::{ConnectOptions, ListenOptions, Listener};
use quorate::{Tenure, Validity};
use tokio::sync::Semaphore;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const LEDGER: Name<Ledger> = Name::new("ledger");
const HOLDER: Name<Holder> = Name::new("holder");

/// A lease that ends for nobody: what a clock that stands still makes of one.
struct ForEver;

impl Validity for ForEver {
    fn is_valid(&self) -> bool {
        true
    }
}

fn tenure(singleton: &str, epoch: u64) -> Tenure {
    Tenure::new(singleton, epoch, Arc::new(ForEver))
}

/// What holders write to.
#[actor]
#[derive(Default)]
struct Ledger {
    written: Vec<u64>,
}

#[actor]
impl Ledger {
    /// Enters the epoch of the writer.
    pub fn write(&mut self, cx: &mut Context<Self>) -> u64 {
        self.written.extend(cx.caller_epoch());
        self.written.len() as u64
    }

    /// The epochs that wrote.
    pub fn written(&mut self) -> Vec<u64> {
        self.written.clone()
    }
}

/// A singleton that writes to a ledger.
#[actor]
struct Writer {
    ledger: ActorRef<Ledger>,
}

#[actor(local)]
impl Writer {
    #[init]
    fn open(ledger: ActorRef<Ledger>) -> Self {
        Self { ledger }
    }

    pub async fn write(&mut self) -> Result<u64, CallError> {
        self.ledger.write().await
    }

    pub fn note(&mut self) -> Result<(), &'static str> {
        self.ledger.write().cast().map_err(|_| "not sent")
    }
}

/// A singleton that is asked, and answers when the test lets it.
#[actor]
struct Holder {
    permits: Arc<Semaphore>,
}

#[actor]
impl Holder {
    pub async fn ask(&mut self, cx: &mut Context<Self>) -> u64 {
        if let Ok(permit) = self.permits.acquire().await {
            permit.forget();
        }
        cx.epoch().unwrap_or(0)
    }
}

/// A node, open to others.
struct Node {
    system: System,
    listener: Listener,
}

impl Node {
    async fn open(name: &str) -> Self {
        let system = System::new(name);
        let listener = Listener::bind_with(LOOPBACK, ListenOptions::cluster("shop"))
            .await
            .expect("loopback");
        listener.serve("app", &system).expect("the label is free");
        Self { system, listener }
    }

    /// A ref of another node to the actor of this name here.
    async fn seen_from<A: Actor>(&self, other: &System, name: Name<A>) -> ActorRef<A> {
        let options = ConnectOptions::new("shop", "app");
        let peer = other
            .connect(self.listener.local_addr(), options)
            .await
            .expect("they fit");
        peer.lookup(name).await.expect("it is there")
    }
}

/// A writer on a node of its own.
async fn writer(to: &Node, singleton: &str, epoch: u64) -> (System, ActorRef<Writer>) {
    let system = System::new("writer");
    let ledger = to.seen_from(&system, LEDGER).await;
    let spec = Writer::spec(ledger).tenure(tenure(singleton, epoch));
    let writer = system.spawn(spec).await.expect("it starts");
    (system, writer)
}

/// A holder on a node of its own, and what lets it answer.
async fn holder(epoch: u64) -> (Node, Arc<Semaphore>) {
    let node = Node::open("holder").await;
    let permits = Arc::new(Semaphore::new(0));
    let own = Arc::clone(&permits);
    let spec = Holder::spec_with(move || Holder {
        permits: Arc::clone(&own),
    });
    node.system
        .spawn(spec.name(HOLDER).tenure(tenure("billing", epoch)))
        .await
        .expect("it starts");
    (node, permits)
}

#[tokio::test]
async fn a_receiver_does_not_handle_what_an_earlier_holder_sends_after_a_later_one() {
    let node = Node::open("ledger").await;
    let ledger = node.system.spawn(Ledger::spec().name(LEDGER)).await.unwrap();
    let (_a, earlier) = writer(&node, "billing", 1).await;
    let (_b, later) = writer(&node, "billing", 2).await;
    assert_eq!(earlier.write().await, Ok(Ok(1)), "nothing higher is known yet");
    assert_eq!(later.write().await, Ok(Ok(2)));
    assert_eq!(earlier.write().await, Ok(Err(CallError::Lapsed)));
    assert_eq!(
        earlier.note().await,
        Ok(Ok(())),
        "a cast tells its sender nothing"
    );
    assert_eq!(
        earlier.write().await,
        Ok(Err(CallError::Lapsed)),
        "the cast has arrived by now"
    );
    assert_eq!(later.write().await, Ok(Ok(3)));
    assert_eq!(ledger.written().await, Ok(vec![1, 2, 2]));
}

#[tokio::test]
async fn epochs_of_two_singletons_have_nothing_to_do_with_one_another() {
    let node = Node::open("ledger").await;
    node.system.spawn(Ledger::spec().name(LEDGER)).await.unwrap();
    let (_a, billing) = writer(&node, "billing", 9).await;
    let (_b, shipping) = writer(&node, "shipping", 1).await;
    assert_eq!(billing.write().await, Ok(Ok(1)));
    assert_eq!(shipping.write().await, Ok(Ok(2)));
    assert_eq!(billing.write().await, Ok(Ok(3)));
}

#[tokio::test]
async fn a_reply_of_an_earlier_holder_is_not_given_after_one_of_a_later() {
    let client = System::new("client");
    let (first, lets_first) = holder(1).await;
    let (second, lets_second) = holder(2).await;
    let earlier = first.seen_from(&client, HOLDER).await;
    let later = second.seen_from(&client, HOLDER).await;

    lets_first.add_permits(1);
    assert_eq!(earlier.ask().await, Ok(1), "nothing higher is known yet");
    let (late, ()) = tokio::join!(earlier.ask(), async {
        lets_second.add_permits(1);
        assert_eq!(later.ask().await, Ok(2));
        lets_first.add_permits(1);
    });
    assert_eq!(late, Err(CallError::Lapsed));
    lets_second.add_permits(1);
    assert_eq!(later.ask().await, Ok(2));
}

#[test]
fn within_a_system_an_earlier_holder_has_no_effects_after_a_later_was_heard() {
    testing::run(async {
        let system = System::new("both");
        let ledger = system.spawn(Ledger::spec()).await.unwrap();
        let spawn = |epoch| system.spawn(Writer::spec(ledger.clone()).tenure(tenure("billing", epoch)));
        let (earlier, later) = (spawn(1).await.unwrap(), spawn(2).await.unwrap());
        assert_eq!(earlier.write().await, Ok(Ok(1)));
        assert_eq!(later.write().await, Ok(Ok(2)));
        assert_eq!(
            earlier.write().await,
            Err(CallError::Lapsed),
            "its reply is an effect too"
        );
        assert_eq!(ledger.written().await, Ok(vec![1, 2]));
    });
}
