//! The actor by which a node's steward is reached: by the stewards of other nodes, about moves and whereabouts.
//!
//! It decides nothing: everything becomes an event of the steward, and an answer goes back when the steward gives one. A singleton is named in
//! full, with its scope: each region may have one of its own by the same name.

use std::net::SocketAddr;

use quorate::prelude::*;
use tokio::sync::{mpsc, oneshot};

use crate::handoff::{HandOffError, HandOffTarget, HandedOff};
use crate::id::{Epoch, NodeName, RegionName, ResourceId};
use crate::steward::Event;

/// The name under which every node has one.
pub(crate) static DESK: Name<Desk> = Name::new("quorate.desk");

/// What a hand-off came to, as it travels.
#[message]
pub(crate) enum Moved {
    /// It runs there, under that epoch.
    To {
        /// The new epoch.
        epoch: u64,
        /// The region.
        region: String,
        /// The node.
        node: String,
    },
    /// It does not, for this reason.
    Not {
        /// Which.
        code: u8,
        /// Of what.
        detail: String,
    },
}

impl Moved {
    pub(crate) fn into_result(self) -> Result<HandedOff, HandOffError> {
        match self {
            Self::To { epoch, region, node } => {
                let names = RegionName::new(&region).ok().zip(NodeName::new(&node).ok());
                let (region, node) = names.ok_or(HandOffError::Unconfirmed)?;
                Ok(HandedOff {
                    epoch: Epoch(epoch),
                    region,
                    node,
                })
            }
            Self::Not { code, detail } => Err(HandOffError::from_code(code, detail)),
        }
    }
}

impl From<Result<HandedOff, HandOffError>> for Moved {
    fn from(result: Result<HandedOff, HandOffError>) -> Self {
        match result {
            Ok(HandedOff { epoch, region, node }) => Self::To {
                epoch: epoch.0,
                region: region.into(),
                node: node.into(),
            },
            Err(error) => {
                let (code, detail) = error.code();
                Self::Not { code, detail }
            }
        }
    }
}

/// The steward's desk.
#[actor(mailbox = 1024)]
pub(crate) struct Desk {
    steward: mpsc::Sender<Event>,
}

#[actor(name = "quorate-regions::Desk")]
impl Desk {
    #[init]
    fn new(steward: mpsc::Sender<Event>) -> Self {
        Self { steward }
    }

    /// A singleton runs under this epoch on the node that listens at `at`.
    pub(crate) async fn located(&mut self, resource: String, epoch: u64, at: String) {
        if let (Ok(resource), Ok(at)) = (resource.parse(), at.parse::<SocketAddr>()) {
            drop(
                self.steward
                    .send(Event::Located {
                        resource,
                        epoch: Epoch(epoch),
                        at,
                    })
                    .await,
            );
        }
    }

    /// Another node was asked to go first.
    pub(crate) async fn yield_to_others(&mut self, resource: String) {
        if let Ok(resource) = resource.parse() {
            drop(self.steward.send(Event::Yield { resource }).await);
        }
    }

    /// The singleton is free: take it over.
    pub(crate) async fn take(&mut self, resource: String, after: u64, reply: ReplyPort<Moved>) {
        let Ok(resource) = resource.parse::<ResourceId>() else {
            return reply.send(Moved::from(Err(HandOffError::Unknown(resource))));
        };
        let after = Epoch(after);
        let take = |done| Event::Take {
            resource,
            after,
            done,
        };
        self.ask(take, reply).await;
    }

    /// Somebody wants the singleton, which this node holds, to move to that region, or home when it is empty.
    pub(crate) async fn hand_off(&mut self, resource: String, target: String, reply: ReplyPort<Moved>) {
        let Ok(resource) = resource.parse::<ResourceId>() else {
            return reply.send(Moved::from(Err(HandOffError::Unknown(resource))));
        };
        let Some(target) = HandOffTarget::from_wire(&target) else {
            return reply.send(Moved::from(Err(HandOffError::NoTarget(target))));
        };
        let hand_off = |done| Event::HandOff {
            resource,
            target,
            may_ask: false,
            done,
        };
        self.ask(hand_off, reply).await;
    }

    async fn ask(
        &self,
        event: impl FnOnce(oneshot::Sender<Result<HandedOff, HandOffError>>) -> Event,
        reply: ReplyPort<Moved>,
    ) {
        let (event, answer) = Event::asking(event);
        if self.steward.send(event).await.is_ok() {
            tokio::spawn(async move {
                reply.send(Moved::from(
                    answer.await.unwrap_or(Err(HandOffError::Unconfirmed)),
                ));
            });
        }
    }
}
