//! Child specs: how an actor is started, again and again, and by which policy.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::actor::Actor;
use crate::actor_ref::ActorRef;
use crate::context::Context;
use crate::error::StartError;
use crate::exit::ExitReason;
use crate::label::Label;
use crate::pace::InPlace;
use crate::place::Place;
use crate::policy::{Backoff, Policy, Restart, Shutdown};
use crate::raw_ref::RawRef;
use crate::registry::Name;
use crate::scheduler::Unbegun;
use crate::seat::{Seat, Type};
use crate::start_fn::StartFn;
use crate::supervision::child::Child;
use crate::system::System;
use crate::tenure::Tenure;

/// The start of an incarnation that waits, boxed: once per start, never per message.
#[doc(hidden)]
pub type StartFuture<'c, A> = Pin<Box<dyn Future<Output = Result<Start<A>, ExitReason>> + Send + 'c>>;

/// What a start came to.
#[derive(Debug)]
pub enum Start<A> {
    /// The actor's state.
    Ready(A),
    /// The actor is not wanted (OTP: ignore): its supervisor goes on without it.
    Ignore,
}

/// What an `#[init]` may answer: `Self`, `Result<Self, E>`, `Option<Self>` (`None` is [`Start::Ignore`]), `Start<Self>`,
/// and `Result` of the latter two.
pub trait IntoStart<A> {
    /// The start, or why it failed.
    ///
    /// # Errors
    /// The error's text as [`ExitReason::Error`].
    fn into_start(self) -> Result<Start<A>, ExitReason>;
}

impl<A: Actor> IntoStart<A> for A {
    fn into_start(self) -> Result<Start<A>, ExitReason> {
        Ok(Start::Ready(self))
    }
}

impl<A: Actor> IntoStart<A> for Start<A> {
    fn into_start(self) -> Result<Self, ExitReason> {
        Ok(self)
    }
}

impl<A: Actor> IntoStart<A> for Option<A> {
    fn into_start(self) -> Result<Start<A>, ExitReason> {
        Ok(self.map_or(Start::Ignore, Start::Ready))
    }
}

impl<A: Actor, T: IntoStart<A>, E: fmt::Display> IntoStart<A> for Result<T, E> {
    fn into_start(self) -> Result<Start<A>, ExitReason> {
        self.map_err(ExitReason::error)?.into_start()
    }
}

/// How an actor is started and supervised. `Counter::spec()` makes one with the policy of the annotation.
#[must_use = "a spec does nothing until it is spawned or given to a supervisor"]
pub struct ChildSpec<A: Actor> {
    start: StartFn<A>,
    /// The bound of its mailbox, when `own` says no other.
    mailbox: usize,
    /// What most specs do without. A spec is moved from hand to hand, so it is small.
    own: Option<Box<Own>>,
}

/// What a spec has that its type has not.
#[derive(Clone)]
struct Own {
    policy: Policy,
    name: Option<&'static str>,
    tenure: Option<Tenure>,
}

impl<A: Actor> ChildSpec<A> {
    /// An actor made by `start`, which runs again at every restart.
    pub fn new<F, R>(start: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: IntoStart<A>,
    {
        let start = Arc::new(start);
        Self::with_context(move |_| start().into_start())
    }

    /// An actor made by an async `start`, in the actor's own task.
    pub fn new_async<F, R>(start: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output: IntoStart<A>> + Send + 'static,
    {
        let start = Arc::new(start);
        Self::with_context_async(move |_| {
            let starting = start();
            Box::pin(async move { starting.await.into_start() })
        })
    }

    /// An actor whose start uses its context: to monitor, to look up names.
    #[doc(hidden)]
    #[inline]
    pub fn with_context<F>(start: F) -> Self
    where
        F: Fn(&mut Context<A>) -> Result<Start<A>, ExitReason> + Clone + Send + Sync + 'static,
    {
        Self::with_start(StartFn::now(start))
    }

    /// The same with an async start.
    #[doc(hidden)]
    pub fn with_context_async<F>(start: F) -> Self
    where
        F: for<'c> Fn(&'c mut Context<A>) -> StartFuture<'c, A> + Clone + Send + Sync + 'static,
    {
        Self::with_start(StartFn::later(start))
    }

    #[inline]
    fn with_start(start: StartFn<A>) -> Self {
        Self {
            start,
            mailbox: A::POLICY.mailbox,
            own: None,
        }
    }

    fn policy_of_type(&self) -> Policy {
        Policy {
            mailbox: self.mailbox,
            ..A::POLICY
        }
    }

    fn own(&mut self) -> &mut Own {
        let policy = self.policy_of_type();
        self.own.get_or_insert_with(|| {
            Box::new(Own {
                policy,
                name: None,
                tenure: None,
            })
        })
    }

    /// Registers the actor under a name of its system.
    pub fn name(mut self, name: Name<A>) -> Self {
        self.own().name = Some(name.as_str());
        self
    }

    /// When to restart it.
    pub fn restart(mut self, restart: Restart) -> Self {
        self.policy_mut().restart = restart;
        self
    }

    /// How to stop it.
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.policy_mut().shutdown = shutdown;
        self
    }

    /// The bound of its mailbox, in messages, from 1 to [`MAILBOX_MAX`](crate::MAILBOX_MAX); what is beyond is taken for the nearest.
    #[inline]
    pub fn mailbox(mut self, bound: usize) -> Self {
        match &mut self.own {
            Some(own) => own.policy.mailbox = bound,
            None => self.mailbox = bound,
        }
        self
    }

    /// The wait before a restart.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.policy_mut().backoff = Some(backoff);
        self
    }

    /// Whether callers may run its methods in place, see [`InPlace`].
    pub fn in_place(mut self, in_place: InPlace) -> Self {
        self.policy_mut().in_place = in_place;
        self
    }

    /// How long it is idle before it hibernates, see [`Policy::hibernate_after`].
    pub fn hibernate_after(mut self, idle: Duration) -> Self {
        self.policy_mut().hibernate_after = Some(idle);
        self
    }

    /// Makes its end one that may end its supervisor, see [`AutoShutdown`](crate::supervision::AutoShutdown).
    pub fn significant(mut self) -> Self {
        self.policy_mut().significant = true;
        self
    }

    /// Binds the actor's effects to a tenure. It is not restarted after the tenure has lapsed.
    pub fn tenure(mut self, tenure: Tenure) -> Self {
        self.own().tenure = Some(tenure);
        self
    }
}

impl<A: Actor> Clone for ChildSpec<A> {
    fn clone(&self) -> Self {
        Self {
            start: self.start.clone(),
            mailbox: self.mailbox,
            own: self.own.clone(),
        }
    }
}

impl<A: Actor> fmt::Debug for ChildSpec<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildSpec")
            .field("actor", &A::NAME)
            .field("name", &self.own.as_ref().and_then(|own| own.name))
            .field("policy", &self.policy())
            .finish_non_exhaustive()
    }
}

/// What can be spawned or be a child: a [`ChildSpec`], or a supervisor's spec.
pub trait Spec: Send + Sized {
    /// What its ref leads to.
    type Actor: Actor;

    #[doc(hidden)]
    fn policy(&self) -> Policy;

    /// The policy, for what a supervisor says of its child.
    #[doc(hidden)]
    fn policy_mut(&mut self) -> &mut Policy;

    /// Makes the place. `id` is the child's id under a supervisor.
    #[doc(hidden)]
    fn build(self, system: &System, id: Option<&str>) -> Result<Built<Self::Actor>, StartError>;
}

/// A place and how to fill it.
#[doc(hidden)]
pub struct Built<A: Actor> {
    pub(crate) me: Arc<Place<A>>,
    /// For who starts it at once. `None` when the place is not the slot.
    pub(crate) unbegun: Option<Unbegun>,
    /// `None` when the place itself is the slot: that of an actor.
    pub(crate) slot: Option<Arc<dyn Child>>,
}

impl<A: Actor> Built<A> {
    pub(crate) fn into_ref(self) -> ActorRef<A> {
        ActorRef::from_raw(RawRef::local(self.me))
    }

    /// The ref to it, and the slot of its supervisor.
    pub(crate) fn into_parts(self) -> (ActorRef<A>, Arc<dyn Child>) {
        let slot = self.slot.unwrap_or_else(|| Arc::clone(&self.me) as _);
        (ActorRef::from_raw(RawRef::local(self.me)), slot)
    }
}

/// The type of an actor, for reports.
pub(crate) const fn type_of<A: Actor>() -> &'static Type {
    const {
        &Type {
            name: A::NAME,
            methods: A::METHODS,
        }
    }
}

impl<A: Actor> Spec for ChildSpec<A> {
    type Actor = A;

    fn policy(&self) -> Policy {
        match &self.own {
            Some(own) => own.policy,
            None => self.policy_of_type(),
        }
    }

    fn policy_mut(&mut self) -> &mut Policy {
        &mut self.own().policy
    }

    #[inline]
    fn build(self, system: &System, id: Option<&str>) -> Result<Built<A>, StartError> {
        let own = self.own.as_deref();
        let name = own.and_then(|own| own.name);
        let seat = || {
            let tenure = own.and_then(|own| own.tenure.clone());
            let tenure = tenure.map(|tenure| (tenure, Arc::clone(system.highest())));
            let label = name.map(Label::Name).or_else(|| id.map(Label::id));
            Seat::new(type_of::<A>(), label, tenure)
        };
        let policy = own.map(|own| &own.policy);
        let mailbox = policy.map_or(self.mailbox, |policy| policy.mailbox);
        let (me, unbegun) = Place::new(seat, system, mailbox, policy, self.start);
        if let Some(name) = name
            && !system.registry().insert(name, &me)
        {
            return Err(StartError::NameTaken(name));
        }
        Ok(Built {
            me,
            unbegun: Some(unbegun),
            slot: None,
        })
    }
}
