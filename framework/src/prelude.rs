//! What a program with actors needs: `use quorate::prelude::*;`.

pub use std::time::Duration;

pub use quorate_macros::{actor, message, supervisor};

pub use crate::actor::Actor;
pub use crate::actor_ref::ActorRef;
pub use crate::context::Context;
pub use crate::exit::ExitReason;
pub use crate::link::{Info, LinkError};
pub use crate::message::{Archive, Archived, IntoArchived, Message};
pub use crate::monitor::{Down, MonitorId};
pub use crate::policy::{Restart, Shutdown};
pub use crate::pool::Pool;
pub use crate::registry::{Name, Registry};
pub use crate::reply::ReplyPort;
pub use crate::request::{CallError, CastError};
pub use crate::spec::{ChildSpec, Start};
pub use crate::supervision::{DynamicSupervisor, PartitionSupervisor, TaskSupervisor};
pub use crate::system::System;
