//! The actor by which a node's steward is reached: by the stewards of other nodes, about moves and whereabouts.
//!
//! It decides nothing: everything becomes an event of the steward, and an answer goes back when the steward gives one.

use std::net::SocketAddr;

use quorate::prelude::*;
use tokio::sync::{mpsc, oneshot};

use crate::handoff::{HandOffError, HandOffTarget, HandedOff};
use crate::id::{Epoch, NodeName, RegionName};
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
    pub(crate) async fn located(&mut self, name: String, epoch: u64, at: String) {
        if let Ok(at) = at.parse::<SocketAddr>() {
            drop(
                self.steward
                    .send(Event::Located {
                        name,
                        epoch: Epoch(epoch),
                        at,
                    })
                    .await,
            );
        }
    }

    /// Another node was asked to go first.
    pub(crate) async fn yield_to_others(&mut self, name: String) {
        drop(self.steward.send(Event::Yield { name }).await);
    }

    /// The singleton is free: take it over.
    pub(crate) async fn take(&mut self, name: String, after: u64, reply: ReplyPort<Moved>) {
        let after = Epoch(after);
        self.ask(|done| Event::Take { name, after, done }, reply).await;
    }

    /// Somebody wants the singleton, which this node holds, to move to that region, or home when it is empty.
    pub(crate) async fn hand_off(&mut self, name: String, target: String, reply: ReplyPort<Moved>) {
        match HandOffTarget::from_wire(&target) {
            Some(target) => {
                self.ask(
                    |done| Event::HandOff {
                        name,
                        target,
                        may_ask: false,
                        done,
                    },
                    reply,
                )
                .await;
            }
            None => reply.send(Moved::from(Err(HandOffError::NoTarget(target)))),
        }
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
