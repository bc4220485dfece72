//! The cases of other nodes, between two systems over a socket.

use std::net::{Ipv4Addr, SocketAddr};

use quorate::ExitError;
use quorate::prelude::*;
use quorate::testing::soon;
use quorate::wire::{ConnectOptions, ListenOptions, Listener, LookupError, Peer};

/// What another node has.
#[actor(restart = temporary)]
#[derive(Default)]
struct Far;

#[actor]
impl Far {
    pub fn started_p(&mut self) -> bool {
        true
    }

    pub fn crash(&mut self) -> bool {
        panic!("boom")
    }
}

/// Links to what another node has.
#[actor]
#[derive(Default)]
struct Near;

#[actor(local)]
impl Near {
    pub fn link(&mut self, far: ActorRef<Far>, cx: &mut Context<Self>) -> Result<(), LinkError> {
        cx.link(&far)
    }
}

static HUBBA: Name<Far> = Name::new("hubba");
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A node with a server named hubba, and another that is connected to it.
struct Nodes {
    there: System,
    here: System,
    peer: Peer,
    /// The node there listens as long as this is kept.
    listener: Listener,
}

async fn nodes() -> (Nodes, ActorRef<Far>) {
    let there = System::new("there");
    there.spawn(Far::spec().name(HUBBA)).await.unwrap();
    let listener = Listener::bind_with(LOOPBACK, ListenOptions::cluster("shop"))
        .await
        .unwrap();
    listener.serve("app", &there).unwrap();
    let here = System::new("here");
    let options = ConnectOptions::new("shop", "app");
    let peer = here.connect(listener.local_addr(), options).await.unwrap();
    let hubba = peer.lookup(HUBBA).await.unwrap();
    let nodes = Nodes {
        there,
        here,
        peer,
        listener,
    };
    (nodes, hubba)
}

/// The node there stops.
async fn node_down(nodes: Nodes) -> System {
    drop(nodes.listener);
    nodes.there.shutdown().await.unwrap();
    soon(nodes.peer.closed()).await;
    nodes.here
}

#[tokio::test]
async fn stop8() {
    let (nodes, far) = nodes().await;
    ActorRef::stop(&far);
    assert_eq!(ActorRef::exit(&far, ExitReason::Shutdown), Err(ExitError::Remote));
    assert_eq!(soon(far.started_p()).await, Ok(true), "not from here");
    let own = nodes.there.whereis(HUBBA).unwrap();
    ActorRef::stop(&own);
    ActorRef::gone(&own).await;
    assert_eq!(soon(far.started_p()).await, Err(CallError::Gone), "no process");
    let _here = node_down(nodes).await;
    assert_eq!(soon(far.started_p()).await, Err(CallError::NodeDown));
}

#[tokio::test]
async fn stop9() {
    let (nodes, _) = nodes().await;
    let own = nodes.there.whereis(HUBBA).unwrap();
    ActorRef::stop(&own);
    ActorRef::gone(&own).await;
    assert_eq!(nodes.there.whereis(HUBBA), None);
    assert!(matches!(
        soon(nodes.peer.lookup(HUBBA)).await,
        Err(LookupError::NotFound { .. })
    ));
}

#[tokio::test]
async fn cast_fast() {
    let (nodes, far) = nodes().await;
    let _here = node_down(nodes).await;
    // It is not even async: there is nothing that could block.
    let cast = far.started_p().cast();
    assert!(matches!(cast, Err(CastError::NodeDown(FarMessage::StartedP))));
}

#[tokio::test]
async fn call_remote1() {
    let (nodes, far) = nodes().await;
    assert_eq!(soon(far.started_p()).await, Ok(true));
    let own = nodes.there.whereis(HUBBA).unwrap();
    ActorRef::exit(&own, ExitReason::error("boom")).unwrap();
    ActorRef::gone(&own).await;
    assert_eq!(soon(far.started_p()).await, Err(CallError::Gone));
}

#[tokio::test]
async fn call_remote2() {
    let (_nodes, far) = nodes().await;
    let crashed = soon(far.crash()).await;
    assert!(
        matches!(crashed, Err(CallError::Exited(ExitReason::Panic { message, .. })) if &*message == "boom")
    );
}

#[tokio::test]
async fn call_remote3() {
    let (nodes, far) = nodes().await;
    let _here = node_down(nodes).await;
    assert_eq!(soon(far.started_p()).await, Err(CallError::NodeDown));
}

#[tokio::test]
async fn an_end_with_a_reason_of_its_own_is_told_to_monitors_on_other_nodes() {
    let (nodes, far) = nodes().await;
    let own = nodes.there.whereis(HUBBA).unwrap();
    let exited = {
        let far = far.clone();
        tokio::spawn(async move { ActorRef::exited(&far).await })
    };
    tokio::task::yield_now().await;
    assert_eq!(soon(far.started_p()).await, Ok(true), "behind the monitor");
    ActorRef::exit(&own, ExitReason::shutdown_with("enough")).unwrap();
    assert_eq!(soon(exited).await.unwrap(), ExitReason::shutdown_with("enough"));
}

#[tokio::test]
async fn an_actor_of_another_node_is_not_linked() {
    let (nodes, far) = nodes().await;
    let near = nodes.here.spawn(Near::spec()).await.unwrap();
    assert_eq!(near.link(far).await, Ok(Err(LinkError::Remote)));
}
