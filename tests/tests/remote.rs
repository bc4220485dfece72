//! Actors on other nodes, over real sockets: calls, casts, monitors, and what a peer is told when it cannot have what it asks for.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use quorate::prelude::*;
use quorate::testing::soon;
use quorate::wire::session::{CloseReason, Heartbeat};
use quorate::wire::{ConnectOptions, ListenOptions, Listener, LookupError, Peer};
use tokio::sync::Semaphore;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const LEDGER: Name<Ledger> = Name::new("ledger");
const GATE: Name<Gate> = Name::new("gate");

/// Keeps what it is told, in order.
#[actor]
#[derive(Default)]
struct Ledger {
    entries: Vec<String>,
}

#[actor]
impl Ledger {
    pub fn add(&mut self, entry: String) -> u64 {
        self.entries.push(entry);
        self.entries.len() as u64
    }

    pub fn entries(&mut self) -> Vec<String> {
        self.entries.clone()
    }

    pub fn divide(&mut self, a: u64, b: u64) -> Result<u64, String> {
        a.checked_div(b).ok_or_else(|| format!("{a} / {b}"))
    }

    pub fn large(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }

    pub fn forget(&mut self, reply: ReplyPort<u64>) {
        drop(reply);
    }

    pub fn fail(&mut self) -> u64 {
        panic!("as it was told")
    }
}

/// Handles a message only when the test lets it.
#[actor(mailbox = 2)]
struct Gate {
    permits: Arc<Semaphore>,
}

#[actor]
impl Gate {
    pub async fn pass(&mut self, n: u64) -> u64 {
        if let Ok(permit) = self.permits.acquire().await {
            permit.forget();
        }
        n
    }
}

fn gate(permits: &Arc<Semaphore>) -> ChildSpec<Gate> {
    let permits = Arc::clone(permits);
    ChildSpec::new(move || Gate {
        permits: Arc::clone(&permits),
    })
}

/// A node with a ledger, and another that is connected to it.
struct Nodes {
    server: System,
    client: System,
    listener: Listener,
    peer: Peer,
}

async fn nodes() -> Nodes {
    let server = System::new("server");
    server
        .spawn(Ledger::spec().name(LEDGER).restart(Restart::Temporary))
        .await
        .expect("the name is free");
    let listener = Listener::bind_with(LOOPBACK, ListenOptions::cluster("shop"))
        .await
        .expect("loopback");
    listener.serve("app", &server).expect("the label is free");
    let client = System::new("client");
    let peer = client
        .connect(listener.local_addr(), options())
        .await
        .expect("they fit");
    Nodes {
        server,
        client,
        listener,
        peer,
    }
}

fn options() -> ConnectOptions {
    ConnectOptions::new("shop", "app")
}

#[tokio::test]
async fn a_call_goes_there_and_back() {
    let nodes = nodes().await;
    let ledger = nodes.peer.lookup(LEDGER).await.expect("it is there");
    assert_eq!(ledger.add("one".into()).await, Ok(1));
    assert_eq!(ledger.divide(7, 2).await, Ok(Ok(3)));
    assert_eq!(ledger.divide(7, 0).await, Ok(Err("7 / 0".into())));
    assert_eq!(ledger.entries().await, Ok(vec!["one".to_owned()]));
    let large = vec![7; 1 << 20];
    assert_eq!(ledger.large(large.clone()).await, Ok(large));
    assert_eq!(nodes.peer.node(), nodes.server.node());
}

#[tokio::test]
async fn casts_and_calls_of_one_sender_arrive_in_order() {
    let nodes = nodes().await;
    let ledger = nodes.peer.lookup(LEDGER).await.expect("it is there");
    for n in 0..500 {
        ledger.add(n.to_string()).cast().expect("there is room");
    }
    let expected: Vec<String> = (0..500).map(|n: u64| n.to_string()).collect();
    assert_eq!(ledger.entries().await, Ok(expected));
}

#[tokio::test]
async fn many_calls_at_once_each_get_their_own_reply() {
    let nodes = nodes().await;
    let ledger = nodes.peer.lookup(LEDGER).await.expect("it is there");
    let calls: Vec<_> = (0..200_u64)
        .map(|n| {
            let ledger = ledger.clone();
            tokio::spawn(async move { ledger.divide(n * 3, 3).await })
        })
        .collect();
    for (n, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.expect("no panic"), Ok(Ok(n as u64)));
    }
}

#[tokio::test]
async fn a_dropped_reply_port_answers_no_reply() {
    let nodes = nodes().await;
    let ledger = nodes.peer.lookup(LEDGER).await.expect("it is there");
    assert_eq!(ledger.forget().await, Err(CallError::NoReply));
}

#[tokio::test]
async fn a_message_that_is_longer_than_a_frame_is_refused_here_and_as_a_reply() {
    let nodes = nodes().await;
    let ledger = nodes.peer.lookup(LEDGER).await.expect("it is there");
    let too_long = vec![0; quorate::wire::frame::BODY_BYTES_MAX + 1];
    assert!(matches!(
        ledger.large(too_long).await,
        Err(CallError::Unencodable(_))
    ));
    assert_eq!(ledger.add("still there".into()).await, Ok(1));
}

#[tokio::test]
async fn a_panic_there_reaches_the_caller_and_the_monitor() {
    let nodes = nodes().await;
    let ledger = nodes.peer.lookup(LEDGER).await.expect("it is there");
    let exited = {
        let ledger = ledger.clone();
        tokio::spawn(async move { ActorRef::exited(&ledger).await })
    };
    // The monitor stands when a call behind it was answered.
    tokio::task::yield_now().await;
    assert_eq!(ledger.add("first".into()).await, Ok(1));
    let Err(CallError::Exited(ExitReason::Panic { message, .. })) = ledger.fail().await else {
        panic!("a panic is told to the caller")
    };
    assert_eq!(&*message, "as it was told");
    let reason = soon(exited).await.expect("no panic here");
    assert!(matches!(reason, ExitReason::Panic { message, .. } if &*message == "as it was told"));
    assert_eq!(
        ledger.add("late".into()).await,
        Err(CallError::Gone),
        "it is not coming back"
    );
    assert_eq!(soon(ActorRef::exited(&ledger)).await, ExitReason::Gone);
}

#[tokio::test]
async fn the_end_of_a_system_is_told_to_its_peers() {
    let nodes = nodes().await;
    let ledger = nodes.peer.lookup(LEDGER).await.expect("it is there");
    nodes.server.shutdown().await.expect("it ends");
    assert!(matches!(soon(nodes.peer.closed()).await, CloseReason::Goodbye(_)));
    assert_eq!(ledger.add("late".into()).await, Err(CallError::NodeDown));
    assert_eq!(
        ledger.add("late".into()).cast().map_err(|e| e.to_string()),
        Err("the link to the actor's node is gone".into())
    );
    assert!(!nodes.peer.is_up());
}

#[tokio::test]
async fn a_cut_connection_fails_calls_and_fires_monitors() {
    let permits = Arc::new(Semaphore::new(0));
    let nodes = nodes().await;
    nodes
        .server
        .spawn(gate(&permits).name(GATE))
        .await
        .expect("the name is free");
    let proxy = proxy(nodes.listener.local_addr()).await;
    let peer = nodes
        .client
        .connect(proxy.addr, options())
        .await
        .expect("they fit");
    let gate = peer.lookup(GATE).await.expect("it is there");
    let (call, exited) = (
        {
            let gate = gate.clone();
            tokio::spawn(async move { gate.pass(1).await })
        },
        {
            let gate = gate.clone();
            tokio::spawn(async move { ActorRef::exited(&gate).await })
        },
    );
    tokio::task::yield_now().await;
    peer.lookup(LEDGER).await.expect("the session works");
    drop(proxy);
    assert_eq!(soon(call).await.expect("no panic"), Err(CallError::NodeDown));
    assert_eq!(soon(exited).await.expect("no panic"), ExitReason::NodeDown);
    assert!(matches!(
        soon(peer.closed()).await,
        CloseReason::Disconnected | CloseReason::Garbage(_)
    ));
    let ledger = nodes
        .peer
        .lookup(LEDGER)
        .await
        .expect("the other session is not disturbed");
    assert_eq!(ledger.add("one".into()).await, Ok(1));
}

/// Passes bytes on until it is dropped.
struct Proxy {
    addr: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn proxy(to: SocketAddr) -> Proxy {
    let listener = tokio::net::TcpListener::bind(LOOPBACK)
        .await
        .expect("a free port");
    let addr = listener.local_addr().expect("bound");
    let task = tokio::spawn(async move {
        let (mut near, _) = listener.accept().await.expect("a connection");
        let mut far = tokio::net::TcpStream::connect(to).await.expect("it listens");
        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
    });
    Proxy { addr, task }
}

#[tokio::test]
async fn a_dropped_call_leaves_the_session_as_it_was() {
    let permits = Arc::new(Semaphore::new(0));
    let nodes = nodes().await;
    nodes
        .server
        .spawn(gate(&permits).name(GATE))
        .await
        .expect("the name is free");
    let gate = nodes.peer.lookup(GATE).await.expect("it is there");
    let short = gate.pass(1).timeout(Duration::from_millis(20)).await;
    assert_eq!(short, Err(CallError::Timeout));
    {
        let call = std::pin::pin!(gate.pass(2).into_future());
        let _ = tokio::time::timeout(Duration::from_millis(20), call).await;
    }
    permits.add_permits(10);
    assert_eq!(
        gate.pass(3).await,
        Ok(3),
        "late replies are not taken for this one"
    );
}

#[tokio::test]
async fn a_full_mailbox_answers_full_and_others_are_not_held_up() {
    let permits = Arc::new(Semaphore::new(0));
    let nodes = nodes().await;
    nodes
        .server
        .spawn(gate(&permits).name(GATE))
        .await
        .expect("the name is free");
    let gate = nodes.peer.lookup(GATE).await.expect("it is there");
    let ledger = nodes.peer.lookup(LEDGER).await.expect("it is there");
    // One is handled, two wait; none of the rest finds room.
    for n in 0..20 {
        gate.pass(n).cast().expect("the session has room");
    }
    assert_eq!(gate.pass(99).await, Err(CallError::Full));
    assert_eq!(ledger.add("one".into()).await, Ok(1));
    permits.add_permits(1000);
    let passed = async {
        while gate.pass(7).await != Ok(7) {
            tokio::task::yield_now().await;
        }
    };
    soon(passed).await;
}

#[tokio::test]
async fn a_slow_actor_slows_its_sender_down_and_loses_nothing() {
    let nodes = nodes().await;
    let small = System::new("small");
    small
        .spawn(Ledger::spec().name(LEDGER).mailbox(2))
        .await
        .expect("the name is free");
    nodes.listener.serve("small", &small).expect("the label is free");
    let peer = nodes
        .client
        .connect(nodes.listener.local_addr(), ConnectOptions::new("shop", "small"))
        .await;
    let ledger = peer.expect("they fit").lookup(LEDGER).await.expect("it is there");
    for n in 0..2000 {
        ledger.add(n.to_string()).cast().expect("the session has room");
    }
    assert_eq!(
        ledger
            .entries()
            .timeout(Duration::from_secs(20))
            .await
            .map(|all| all.len()),
        Ok(2000)
    );
}

#[tokio::test]
async fn a_sender_that_is_held_back_for_long_is_not_taken_for_dead() {
    let permits = Arc::new(Semaphore::new(0));
    let heartbeat = Heartbeat {
        ping_after: Duration::from_millis(50),
        dead_after: Duration::from_secs(1),
    };
    let server = System::new("server");
    server
        .spawn(gate(&permits).name(GATE))
        .await
        .expect("the name is free");
    let options = ListenOptions::cluster("shop").heartbeat(heartbeat);
    let listener = Listener::bind_with(LOOPBACK, options).await.expect("loopback");
    listener.serve("app", &server).expect("the label is free");
    let options = ConnectOptions::new("shop", "app").heartbeat(heartbeat);
    let peer = System::new("client")
        .connect(listener.local_addr(), options)
        .await;
    let peer = peer.expect("they fit");
    let gate = peer.lookup(GATE).await.expect("it is there");
    // Every message waits 50 ms for room: together more than twice as long as a silence may be.
    for n in 0..50 {
        gate.pass(n).cast().expect("the session has room");
    }
    let open = tokio::spawn(async move {
        loop {
            permits.add_permits(1);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    assert_eq!(soon(gate.pass(99).timeout(Duration::from_secs(20))).await, Ok(99));
    assert!(peer.is_up());
    open.abort();
}

#[tokio::test]
async fn a_sender_that_waits_for_room_sends_all_it_has() {
    let nodes = nodes().await;
    let ledger = nodes.peer.lookup(LEDGER).await.expect("it is there");
    let mut overloaded = 0;
    for _ in 0..60 {
        while let Err(error) = ledger.large(vec![0; 1 << 20]).cast() {
            assert!(matches!(error, CastError::Overloaded(_)), "{error}");
            overloaded += 1;
            soon(nodes.peer.ready()).await;
        }
    }
    assert!(overloaded > 0, "the bound was reached");
    assert_eq!(
        soon(ledger.add("last".into()).timeout(Duration::from_secs(20))).await,
        Ok(1)
    );
}

#[tokio::test]
async fn a_lookup_tells_why_there_is_no_ref() {
    let nodes = nodes().await;
    let nobody = nodes.peer.lookup(Name::<Ledger>::new("nobody")).await;
    assert_eq!(
        nobody.expect_err("no such name"),
        LookupError::NotFound {
            name: "nobody".into()
        }
    );
    let other = nodes
        .peer
        .lookup(Name::<Gate>::new("ledger"))
        .await
        .expect_err("another type");
    assert!(
        matches!(&other, LookupError::OtherActor { found, .. } if found.ends_with("Ledger")),
        "{other}"
    );
}
