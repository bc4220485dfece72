//! [`Cluster`]: this node in its cluster, from joining to leaving.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use quorate::{Actor, ActorRef, ChildSpec, Name, NodeId, System};
use tokio::sync::mpsc;

use crate::config::{Config, Scope};
use crate::error::JoinError;
use crate::handoff::{HandOffError, HandOffTarget, HandedOff};
use crate::host::{Host, Hosted};
use crate::id::{ResourceId, ResourceName};
use crate::node::Node;
use crate::status::Status;
use crate::steward::Event;

type Singleton = (&'static str, Box<dyn FnOnce(&System) -> Registered + Send>);

struct Registered {
    host: Arc<dyn Host>,
    /// The same, as an `Arc<Hosted<A>>`.
    typed: Box<dyn Any + Send + Sync>,
}

/// What a node needs to join its cluster.
#[must_use = "a builder does nothing until it joins"]
pub struct ClusterBuilder {
    config: Config,
    singletons: Vec<Singleton>,
}

impl ClusterBuilder {
    /// A singleton that this node hosts when it is its turn, started from `spec`, and follows otherwise. What the file says about `name`
    /// places it.
    pub fn singleton<A: Actor>(self, name: Name<A>, spec: ChildSpec<A>) -> Self {
        self.register(name, Some(spec))
    }

    /// A singleton that this node never hosts and only calls.
    pub fn follow<A: Actor>(self, name: Name<A>) -> Self {
        self.register(name, None)
    }

    fn register<A: Actor>(mut self, name: Name<A>, spec: Option<ChildSpec<A>>) -> Self {
        let make = move |system: &System| {
            let hosted = Arc::new(Hosted::new(name, spec, system.clone()));
            Registered {
                host: hosted.clone(),
                typed: Box::new(hosted),
            }
        };
        self.singletons.push((name.as_str(), Box::new(make)));
        self
    }

    /// Joins: returns when this node is a member of its region and the regions have formed a cluster. Until then it waits, for the other
    /// nodes and for discovery; what keeps it waiting is reported as events.
    ///
    /// # Errors
    ///
    /// [`JoinError`]; nothing of the node runs any more.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime. This runtime is the one that the user's actors run on.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the node stops; its region may have formed.
    pub async fn join(self) -> Result<Cluster, JoinError> {
        let Self { config, singletons } = self;
        let node = Node::start(&config).await?;
        let mut typed = BTreeMap::new();
        let mut resources = BTreeMap::new();
        let mut singles = Vec::new();
        for (name, make) in singletons {
            let resource = ResourceName::new(name).map_err(|error| JoinError::Name(name, error))?;
            let settings = config.singleton(name);
            let Registered { host, typed: it } = make(&node.app);
            if typed.insert(name, it).is_some() {
                return Err(JoinError::NameTwice(name));
            }
            let resource = match settings.scope {
                Scope::Global => ResourceId::global(resource),
                Scope::Region => ResourceId::regional(config.node.region.clone(), resource),
            };
            resources.insert(name, resource.clone());
            singles.push((resource, settings, host));
        }
        for name in config
            .singletons
            .keys()
            .filter(|name| !typed.contains_key(name.as_str()))
        {
            tracing::warn!(%name, "the file places a singleton that this node's program does not have");
        }
        let hosts = Hosts(singles.iter().map(|(_, _, host)| Arc::clone(host)).collect());
        let (steward, joined) = node.join(&config, singles).await?;
        let mut joined = joined;
        joined
            .wait_for(|joined| *joined)
            .await
            .map_err(|_| JoinError::Stopped)?;
        Ok(Cluster {
            node,
            steward,
            typed,
            resources,
            hosts,
        })
    }
}

/// Ends the singletons' actors with the cluster that they run under: nobody renews their leases any more.
struct Hosts(Vec<Arc<dyn Host>>);

impl Drop for Hosts {
    fn drop(&mut self) {
        self.0.iter().for_each(|host| host.lapse());
    }
}

/// This node, as a member of its cluster.
///
/// Dropping it without [`leave`](Self::leave) is like a crash: its singletons' actors are dropped at their next await, its leases expire, and
/// others take over after the lease term. Other actors of its system live on.
pub struct Cluster {
    node: Node,
    steward: mpsc::Sender<Event>,
    typed: BTreeMap<&'static str, Box<dyn Any + Send + Sync>>,
    resources: BTreeMap<&'static str, ResourceId>,
    // Last: nobody starts another actor any more.
    hosts: Hosts,
}

impl Cluster {
    /// A node of the cluster that `config` describes.
    pub fn builder(config: Config) -> ClusterBuilder {
        ClusterBuilder {
            config,
            singletons: Vec::new(),
        }
    }

    /// A ref to the singleton, wherever it runs: it follows when that changes. A call waits, within its deadline, while nobody is known to
    /// hold it; what may have been delivered is never sent again.
    ///
    /// Of those with `scope = "region"` it is the one of this node's own region, and never another's: where the region is none of its homes,
    /// nobody ever holds it.
    ///
    /// # Panics
    ///
    /// When the builder was not told of this singleton, or with another type.
    pub fn singleton<A: Actor>(&self, name: Name<A>) -> ActorRef<A> {
        let hosted = self
            .typed
            .get(name.as_str())
            .and_then(|typed| typed.downcast_ref::<Arc<Hosted<A>>>());
        hosted
            .unwrap_or_else(|| {
                panic!(
                    "the builder was told of no singleton {:?} of this type",
                    name.as_str()
                )
            })
            .actor()
    }

    /// The system that the user's actors live in. Other nodes find its named actors.
    pub fn system(&self) -> &System {
        &self.node.app
    }

    /// This node, in this life of its process.
    pub fn node(&self) -> &NodeId {
        self.node.app.node()
    }

    /// What this node knows of the cluster now.
    pub async fn status(&self) -> Option<Status> {
        let (event, answer) = Event::asking(Event::Status);
        self.steward.send(event).await.ok()?;
        answer.await.ok()
    }

    /// Moves a singleton as planned: its actor is shut down, and another node takes it over. Calls wait meanwhile, within their deadlines.
    ///
    /// # Errors
    ///
    /// [`HandOffError`] says what became of it.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the hand-off goes on.
    pub async fn hand_off(&self, name: &str, target: HandOffTarget) -> Result<HandedOff, HandOffError> {
        let resource = self.resources.get(name).cloned();
        let resource = resource.ok_or_else(|| HandOffError::Unknown(name.to_owned()))?;
        let (event, answer) = Event::asking(|done| Event::HandOff {
            resource,
            target,
            may_ask: true,
            done,
        });
        self.steward
            .send(event)
            .await
            .map_err(|_| HandOffError::NotHeld)?;
        answer.await.unwrap_or(Err(HandOffError::Unconfirmed))
    }

    /// Leaves: gives every singleton back, ends the session, stops the replica, shuts the system down.
    ///
    /// # Errors
    ///
    /// [`quorate::Error`] of the system's shutdown; everything else is done.
    pub async fn leave(self) -> Result<(), quorate::Error> {
        let (event, left) = Event::asking(Event::Leave);
        if self.steward.send(event).await.is_ok() {
            drop(left.await);
        }
        drop(self.hosts);
        self.node.stop().await
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("node", self.node())
            .finish_non_exhaustive()
    }
}
