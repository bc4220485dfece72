//! [`DynamicSupervisor`]: children of one type that come and go.

use std::fmt;
use std::marker::PhantomData;

use super::admin;
use super::ask::{ChildCounts, ChildError, ChildInfo, Which};
use super::own::{own_handle, own_supervisor};
use super::spec::{Dynamic, SupervisorSpec};
use crate::actor::Actor;
use crate::actor_ref::ActorRef;
use crate::error::StartError;
use crate::raw_ref::RawRef;
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
        SupervisorSpec::dynamic()
    }
}

impl<A: Actor> Dynamic for DynamicSupervisor<A> {}

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
        let seat = ActorRef::raw(child).own_seat().ok_or(ChildError::NotFound)?;
        admin::terminate(self.0.desk(), Which::Seat(seat)).await
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

own_supervisor!([A: Actor] DynamicSupervisor<A>, DynamicSupervisorHandle<A>, "quorate::DynamicSupervisor");
own_handle!([A: Actor] DynamicSupervisor<A>, DynamicSupervisorHandle<A>);

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
