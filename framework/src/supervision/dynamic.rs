//! [`DynamicSupervisor`]: children of one type that come and go.

use std::fmt;
use std::marker::PhantomData;

use super::admin;
use super::ask::{ChildCounts, ChildError, ChildInfo, Which};
use super::spec::{Supervisor, SupervisorMessage, SupervisorSpec};
use super::state::Kind;
use crate::actor::{Actor, ActorHandle};
use crate::actor_ref::ActorRef;
use crate::context::Context;
use crate::error::StartError;
use crate::policy::Policy;
use crate::raw_ref::RawRef;
use crate::reply::Port;
use crate::request::ActorWire;
use crate::spec::Spec;

/// A supervisor of any number of `A`s, started while it runs (Elixir: `DynamicSupervisor`, OTP: simple_one_for_one).
///
/// Its strategy is one_for_one under one restart window; its children have no ids. When it stops it asks all of them at once, and kills each
/// when its own shutdown time is over. A child that ended for good is forgotten with its spec. Children do not outlive their supervisor's
/// incarnation: when that is restarted it begins with none.
///
/// Each child's spec holds its own arguments, which are used again at every restart.
///
/// ```
/// use quorate::prelude::*;
/// use quorate::supervision::DynamicSupervisor;
///
/// /// What one customer wants.
/// #[actor(restart = transient)]
/// pub struct Cart {
///     id: u64,
/// }
///
/// #[actor]
/// impl Cart {
///     #[init]
///     fn open(id: u64) -> Self {
///         Self { id }
///     }
///
///     /// Whose it is.
///     pub fn id(&mut self) -> u64 {
///         self.id
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), quorate::Error> {
/// let system = System::new("demo");
/// let carts = system.spawn(DynamicSupervisor::<Cart>::spec().max_children(10_000)).await?;
/// let cart = carts.start(Cart::spec(7)).await?;
/// assert_eq!(cart.id().await?, 7);
/// assert_eq!(carts.count_children().await.active, 1);
/// system.shutdown().await
/// # }
/// ```
pub struct DynamicSupervisor<A>(PhantomData<fn() -> A>);

impl<A: Actor> DynamicSupervisor<A> {
    /// A dynamic supervisor with 3 restarts in 5 s and any number of children.
    pub fn spec() -> SupervisorSpec<Self> {
        let spec = SupervisorSpec::new(|_| Ok(()));
        spec.max_children(usize::MAX)
    }
}

impl<A: Actor> SupervisorSpec<DynamicSupervisor<A>> {
    /// More children are refused with [`StartError::MaxChildren`]. Those that are being restarted count.
    pub fn max_children(mut self, children_max: usize) -> Self {
        self.kind = Kind::Dynamic { children_max };
        self
    }
}

/// What an `ActorRef<DynamicSupervisor<A>>` derefs to.
pub struct DynamicSupervisorHandle<A: Actor>(RawRef<DynamicSupervisor<A>>);

impl<A: Actor> DynamicSupervisorHandle<A> {
    /// Starts a child and waits until it has started.
    ///
    /// # Errors
    /// It has not started; its spec is discarded and its name is free.
    ///
    /// # Cancel safety
    /// Dropped early, the child may start nevertheless.
    pub async fn start<C: Spec<Actor = A>>(&self, spec: C) -> Result<ActorRef<A>, StartError> {
        admin::start(self.0.desk(), None, spec).await
    }

    /// Stops a child by its own shutdown policy, and waits until it has ended. Its spec is forgotten.
    ///
    /// # Errors
    /// [`ChildError`].
    ///
    /// # Cancel safety
    /// Dropped early, it is stopped nevertheless.
    pub async fn terminate(&self, child: &ActorRef<A>) -> Result<(), ChildError> {
        let which = Which::Place(ActorRef::id(child));
        admin::terminate(self.0.desk(), which).await
    }

    /// The children in start order; empty when the supervisor is gone.
    pub async fn which_children(&self) -> Vec<ChildInfo> {
        admin::list(self.0.desk()).await
    }

    /// How many children there are.
    pub async fn count_children(&self) -> ChildCounts {
        ChildCounts::of(&self.which_children().await)
    }
}

impl<A: Actor> Clone for DynamicSupervisorHandle<A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<A: Actor> ActorHandle<DynamicSupervisor<A>> for DynamicSupervisorHandle<A> {
    fn from_raw(raw: RawRef<DynamicSupervisor<A>>) -> Self {
        Self(raw)
    }

    fn raw(&self) -> &RawRef<DynamicSupervisor<A>> {
        &self.0
    }
}

impl<A: Actor> Supervisor for DynamicSupervisor<A> {}

impl<A: Actor> Actor for DynamicSupervisor<A> {
    type Message = SupervisorMessage;
    type Envelope = SupervisorMessage;
    type Handle = DynamicSupervisorHandle<A>;
    const POLICY: Policy = Policy::DEFAULT;
    const NAME: &'static str = "quorate::DynamicSupervisor";
    const WIRE: Option<ActorWire<Self>> = None;

    async fn handle(&mut self, message: SupervisorMessage, _: &mut Context<Self>) {
        match message {}
    }

    fn into_message(message: SupervisorMessage) -> SupervisorMessage {
        message
    }

    fn from_message(message: SupervisorMessage) -> SupervisorMessage {
        message
    }

    fn port(message: &mut SupervisorMessage) -> &mut dyn Port {
        message.port()
    }
}

impl<A> fmt::Debug for DynamicSupervisor<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DynamicSupervisor")
    }
}

impl<A: Actor> fmt::Debug for DynamicSupervisorHandle<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DynamicSupervisorHandle").field(&self.0).finish()
    }
}
