//! What may be asked of a supervisor through its ref while it runs (OTP: `supervisor:start_child/2` and its siblings).
//!
//! What is asked while children start at boot, or while a group restarts, waits until that is done. A retry of a failed restart holds
//! nothing up: children can be stopped in the middle of a restart loop.

use std::sync::Arc;

use super::ask::{Ask, ChildCounts, ChildError, ChildInfo, Desk, RestartError, Which};
use super::child::ChildPolicy;
use super::spec::{Supervisor, check};
use crate::actor::Actor;
use crate::actor_ref::ActorRef;
use crate::current;
use crate::error::StartError;
use crate::spec::Spec;

impl<S: Supervisor> ActorRef<S> {
    /// Starts a child behind the others, and waits until it has started. It is stopped with the others, and belongs to the present incarnation
    /// of the supervisor: when that is restarted, the child is gone (OTP's rule).
    ///
    /// # Errors
    /// It has not started; its spec is discarded and its name is free. With [`StartError::Ignored`] they are kept, unless it is temporary:
    /// [`restart_child`](Self::restart_child) tries it again (OTP's rule). With [`StartError::AlreadyStarted`] and
    /// [`StartError::AlreadyPresent`] the child that has this id is as it was.
    ///
    /// # Cancel safety
    /// Dropped early, the child may start nevertheless.
    pub async fn start_child<C: Spec>(
        this: &Self,
        id: &str,
        spec: C,
    ) -> Result<ActorRef<C::Actor>, StartError> {
        start(Self::raw(this).desk(), Some(id), spec).await
    }

    /// Stops a child by its own shutdown policy, also in the middle of its restarts, and waits until it has ended. It keeps its spec unless it is
    /// temporary, so that [`restart_child`](Self::restart_child) may start it again. It never triggers an automatic shutdown.
    ///
    /// # Errors
    /// [`ChildError`]; with [`ChildError::Stuck`] it was killed.
    ///
    /// # Cancel safety
    /// Dropped early, it is stopped nevertheless.
    pub async fn terminate_child(this: &Self, id: &str) -> Result<(), ChildError> {
        let which = Which::Id(id.into());
        terminate(Self::raw(this).desk(), which).await
    }

    /// Starts a child again that was stopped or has ended, and waits until it has started.
    ///
    /// # Errors
    /// [`RestartError`].
    ///
    /// # Cancel safety
    /// Dropped early, it may start nevertheless.
    pub async fn restart_child(this: &Self, id: &str) -> Result<(), RestartError> {
        if !current::may_act() {
            return Err(RestartError::Start(StartError::Lapsed));
        }
        let desk = Self::raw(this).desk();
        let (started, answer) = tokio::sync::oneshot::channel();
        desk.door
            .ask(|done| Ask::Restart(Which::Id(id.into()), done, started))
            .await
            .unwrap_or(Err(ChildError::Gone))
            .map_err(RestartError::Child)?;
        match answer.await {
            Ok(answer) => answer.map_err(RestartError::Start),
            Err(_) => Err(RestartError::Start(StartError::SupervisorGone)),
        }
    }

    /// Forgets a child that does not run: its id and its name are free.
    ///
    /// # Errors
    /// [`ChildError`]; nothing was done.
    pub async fn delete_child(this: &Self, id: &str) -> Result<(), ChildError> {
        let desk = Self::raw(this).desk();
        desk.door
            .ask(|done| Ask::Delete(Which::Id(id.into()), done))
            .await
            .unwrap_or(Err(ChildError::Gone))
    }

    /// The children in start order; empty when the supervisor is gone.
    pub async fn which_children(this: &Self) -> Vec<ChildInfo> {
        list(Self::raw(this).desk()).await
    }

    /// How many children there are.
    pub async fn count_children(this: &Self) -> ChildCounts {
        ChildCounts::of(&list(Self::raw(this).desk()).await)
    }
}

pub(super) async fn start<C: Spec>(
    desk: &Desk,
    id: Option<&str>,
    spec: C,
) -> Result<ActorRef<C::Actor>, StartError> {
    if !current::may_act() {
        return Err(StartError::Lapsed);
    }
    let policy = ChildPolicy::of(&spec.policy());
    let named = id.unwrap_or(<C::Actor as Actor>::NAME);
    check(named, &policy, &desk.flags, desk.kind)?;
    let (me, child) = match (spec.build(&desk.system, id), id) {
        (Err(StartError::NameTaken(name)), Some(id)) => {
            // Most often by the child itself: then its id is what is known of it.
            let known = desk.door.ask(|known| Ask::Known(id.into(), known)).await;
            return Err(known.flatten().unwrap_or(StartError::NameTaken(name)));
        }
        (built, _) => built?.into_parts(),
    };
    let asked = Arc::clone(&child);
    let add = |started| Ask::Add {
        id: id.map(Arc::from),
        child: asked,
        started,
    };
    let refused = match desk.door.ask(add).await {
        Some(Ok(())) => return Ok(me),
        Some(Err(error)) => error,
        None => StartError::SupervisorGone,
    };
    // What ignored and is kept has its name still; what is not is removed by its supervisor.
    if refused != StartError::Ignored {
        child.discard().await;
    }
    Err(refused)
}

pub(super) async fn terminate(desk: &Desk, which: Which) -> Result<(), ChildError> {
    desk.door
        .ask(|done| Ask::Terminate(which, done))
        .await
        .unwrap_or(Err(ChildError::Gone))
}

pub(super) async fn list(desk: &Desk) -> Vec<ChildInfo> {
    let listed = desk.door.ask(Ask::List).await.unwrap_or_default();
    listed.into_iter().map(|listed| listed.info).collect()
}
