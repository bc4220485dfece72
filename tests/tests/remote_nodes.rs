//! Nodes that come, go, and differ, over real sockets: versions, listeners, processes, the life of a session.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use quorate::prelude::*;
use quorate::testing::soon;
use quorate::wire::session::Heartbeat;
use quorate::wire::{
    BindError, ConnectError, ConnectOptions, HelloError, ListenOptions, Listener, Peer, ServeError,
};
use tokio::io::{AsyncBufReadExt, BufReader};

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const LEDGER: Name<Ledger> = Name::new("ledger");

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

mod old {
    use quorate::prelude::*;

    #[actor]
    #[derive(Default)]
    pub(crate) struct Versioned;

    #[actor(name = "tests::Versioned")]
    impl Versioned {
        pub fn same(&mut self, n: u64) -> u64 {
            n
        }

        pub fn changed(&mut self, n: u64) -> u64 {
            n
        }
    }
}

mod new {
    use quorate::prelude::*;

    #[actor]
    #[derive(Default)]
    pub(crate) struct Versioned;

    #[actor(name = "tests::Versioned")]
    impl Versioned {
        pub fn same(&mut self, n: u64) -> u64 {
            n
        }

        pub fn changed(&mut self, n: u64, unit: String) -> u64 {
            n + unit.len() as u64
        }

        pub fn added(&mut self, n: u64) -> u64 {
            n
        }
    }
}

#[tokio::test]
async fn a_node_of_another_version_answers_what_it_does_not_know() {
    let nodes = nodes().await;
    let name = Name::<old::Versioned>::new("versioned");
    nodes
        .server
        .spawn(old::Versioned::spec().name(name))
        .await
        .expect("the name is free");
    let versioned = nodes
        .peer
        .lookup(Name::<new::Versioned>::new("versioned"))
        .await
        .expect("one wire name");
    assert_eq!(
        versioned.added(1).await,
        Err(CallError::UnknownMessage {
            actor: "tests::Versioned",
            method: "added"
        })
    );
    assert_eq!(
        versioned.changed(1, "kg".into()).await,
        Err(CallError::SchemaMismatch {
            actor: "tests::Versioned",
            method: "changed"
        })
    );
    versioned
        .added(1)
        .cast()
        .expect("it is sent, and becomes a dead letter");
    assert_eq!(versioned.same(1).await, Ok(1), "what both know still works");
}

#[tokio::test]
async fn the_two_ends_of_a_session_are_let_go_with_the_last_ref() {
    let nodes = nodes().await;
    let one = ListenOptions::cluster("shop").sessions_max(1);
    let listener = Listener::bind_with(LOOPBACK, one).await.expect("loopback");
    listener.serve("app", &nodes.server).expect("the label is free");
    let peer = nodes
        .client
        .connect(listener.local_addr(), options())
        .await
        .expect("there is room");
    let ledger = peer.lookup(LEDGER).await.expect("it is there");
    drop(peer);
    assert_eq!(ledger.add("the ref keeps the session".into()).await, Ok(1));
    let full = nodes
        .client
        .connect(listener.local_addr(), options())
        .await
        .expect_err("one session");
    assert!(
        matches!(
            full,
            ConnectError::Refused {
                source: HelloError::Full { .. },
                ..
            }
        ),
        "{full}"
    );
    drop(ledger);
    let again = async {
        while nodes
            .client
            .connect(listener.local_addr(), options())
            .await
            .is_err()
        {
            tokio::task::yield_now().await;
        }
    };
    soon(again).await;
}

#[tokio::test]
async fn two_systems_share_a_listener_each_on_its_own_runtime() {
    let nodes = nodes().await;
    let control = tokio::task::spawn_blocking(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        let runtime = runtime.expect("a runtime");
        let system = runtime.block_on(async {
            let system = System::new("control");
            system
                .spawn(Ledger::spec().name(LEDGER))
                .await
                .expect("the name is free");
            system
        });
        (runtime, system)
    });
    let (runtime, control) = control.await.expect("no panic");
    nodes
        .listener
        .serve("control", &control)
        .expect("the label is free");
    let taken = nodes.listener.serve("control", &control);
    assert_eq!(
        taken,
        Err(ServeError::LabelTaken {
            label: "control".into()
        })
    );
    let peer = nodes
        .client
        .connect(
            nodes.listener.local_addr(),
            ConnectOptions::new("shop", "control"),
        )
        .await;
    let ledger = peer.expect("they fit").lookup(LEDGER).await.expect("it is there");
    assert_eq!(ledger.add("there".into()).await, Ok(1));
    let here = nodes.peer.lookup(LEDGER).await.expect("it is there");
    assert_eq!(here.entries().await, Ok(vec![]), "they are two systems");
    runtime.shutdown_background();
    assert_eq!(soon(ledger.entries()).await, Err(CallError::NodeDown));
}

#[tokio::test]
async fn each_refusal_of_a_connection_says_what_to_do() {
    let nodes = nodes().await;
    let addr = nodes.listener.local_addr();
    let refused = |system: &System, options: ConnectOptions| {
        let system = system.clone();
        async move {
            system
                .connect(addr, options)
                .await
                .expect_err("refused")
                .to_string()
        }
    };
    let cluster = refused(&nodes.client, ConnectOptions::new("bank", "app")).await;
    assert!(
        cluster.contains("cluster `bank`") && cluster.contains("`shop`"),
        "{cluster}"
    );
    let system = refused(&nodes.client, ConnectOptions::new("shop", "none")).await;
    assert!(system.contains("no system `none`"), "{system}");
    let itself = refused(&nodes.server, options()).await;
    assert!(itself.contains("this node itself"), "{itself}");

    let nobody = tokio::net::TcpListener::bind(LOOPBACK)
        .await
        .expect("a free port");
    let addr = nobody.local_addr().expect("bound");
    let short = options().timeout(Duration::from_millis(50));
    let silent = nodes
        .client
        .connect(addr, short)
        .await
        .expect_err("nobody answers");
    assert!(matches!(silent, ConnectError::Timeout { .. }), "{silent}");
    drop(nobody);
    let none = nodes
        .client
        .connect(addr, options())
        .await
        .expect_err("nobody listens");
    assert!(matches!(none, ConnectError::Io { .. }), "{none}");
}

#[tokio::test]
async fn a_listener_beyond_loopback_is_refused() {
    let error = Listener::bind(SocketAddr::from(([0, 0, 0, 0], 0)))
        .await
        .expect_err("anyone could connect");
    assert!(matches!(error, BindError::NotLoopback { .. }));
    assert!(error.to_string().contains("127.0.0.1"), "{error}");
}

// ---- processes

/// Not a test of its own: the node of another process, which [`a_killed_process_is_down_and_its_successor_is_another_node`] starts.
#[test]
fn child_process() {
    if std::env::var_os("QUORATE_TEST_CHILD").is_none() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let system = System::new("server");
        system
            .spawn(Ledger::spec().name(LEDGER))
            .await
            .expect("the name is free");
        let listener = Listener::bind_with(LOOPBACK, ListenOptions::cluster("shop"))
            .await
            .expect("loopback");
        listener.serve("app", &system).expect("the label is free");
        println!("\nlistening on {}", listener.local_addr());
        std::future::pending::<()>().await;
    });
}

/// A child that does not outlive the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn process() -> (Killed, SocketAddr) {
    let exe = std::env::current_exe().expect("this test");
    let child = Command::new(exe)
        .args(["--exact", "child_process", "--nocapture", "--test-threads=1"])
        .env("QUORATE_TEST_CHILD", "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = Killed(child.expect("this test runs again"));
    let stdout = tokio::process::ChildStdout::from_std(child.0.stdout.take().expect("piped"));
    let mut lines = BufReader::new(stdout.expect("a pipe")).lines();
    let addr = async {
        while let Some(line) = lines.next_line().await.expect("it writes text") {
            if let Some(addr) = line.strip_prefix("listening on ") {
                return addr.parse().expect("an address");
            }
        }
        panic!("it ended before it listened")
    };
    let addr = soon(addr).await;
    (child, addr)
}

#[tokio::test]
async fn a_killed_process_is_down_and_its_successor_is_another_node() {
    let client = System::new("client");
    let (child, addr) = process().await;
    let peer = client.connect(addr, options()).await.expect("they fit");
    let ledger = peer.lookup(LEDGER).await.expect("it is there");
    assert_eq!(ledger.add("one".into()).await, Ok(1));
    let exited = {
        let ledger = ledger.clone();
        tokio::spawn(async move { ActorRef::exited(&ledger).await })
    };
    drop(child);
    assert_eq!(soon(exited).await.expect("no panic"), ExitReason::NodeDown);

    let (_child, addr) = process().await;
    let successor = client.connect(addr, options()).await.expect("they fit");
    assert_eq!(successor.node().name, peer.node().name);
    assert_ne!(successor.node().incarnation, peer.node().incarnation);
    assert_eq!(
        ledger.add("two".into()).await,
        Err(CallError::NodeDown),
        "an old ref stays with the old node"
    );
    let ledger = successor.lookup(LEDGER).await.expect("it is there");
    assert_eq!(ledger.add("two".into()).await, Ok(1));
}

#[tokio::test]
async fn a_short_heartbeat_keeps_an_idle_session_open() {
    let nodes = nodes().await;
    let heartbeat = Heartbeat {
        ping_after: Duration::from_millis(20),
        dead_after: Duration::from_secs(1),
    };
    let peer = nodes
        .client
        .connect(nodes.listener.local_addr(), options().heartbeat(heartbeat))
        .await;
    let peer = peer.expect("they fit");
    let early = tokio::time::timeout(Duration::from_millis(2500), peer.closed()).await;
    assert!(early.is_err(), "an idle session is kept alive: {early:?}");
}
