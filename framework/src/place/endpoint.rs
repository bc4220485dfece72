//! A place as peers reach it.

use super::Place;
use crate::actor::Actor;
use crate::envelope::Item;
use crate::id::ActorId;
use crate::mailbox::Parcel;
use crate::message::Body;
use crate::monitor::{MonitorId, Watcher};
use crate::reply::{RemotePort, Unhandled};
use crate::request::{Failure, IncomingMethod, Refusal};
use crate::wire::link::{Endpoint, RequestHead};

impl<A: Actor> Place<A> {
    /// Looks up what a peer asks for, and room for it, before its body is looked at.
    fn admit(&self, head: &RequestHead) -> Result<&'static IncomingMethod<A>, Refusal> {
        let wire = A::WIRE.ok_or(Refusal::UnknownMessage)?;
        let method = wire.method(head.id).ok_or(Refusal::UnknownMessage)?;
        if method.shape != head.shape {
            return Err(Refusal::SchemaMismatch);
        }
        self.room().map_err(Refusal::from)?;
        Ok(method)
    }
}

impl<A: Actor> Endpoint for Place<A> {
    fn id(&self) -> ActorId {
        self.seat.id
    }

    fn wire_name(&self) -> &'static str {
        A::NAME
    }

    fn deliver(&self, head: &RequestHead, body: Body, port: Option<RemotePort>) -> Result<(), Refusal> {
        let mut port = port.unwrap_or(RemotePort::none());
        let method = match self.admit(head) {
            Ok(method) => method,
            Err(refusal) => {
                port.defuse();
                return Err(refusal);
            }
        };
        let Ok(mut envelope) = (method.decode)(body, RemotePort::none()) else {
            port.defuse();
            return Err(Refusal::Malformed);
        };
        let deadline = head.deadline.map(|left| tokio::time::Instant::now() + left);
        A::port(&mut envelope).attach(port, deadline);
        let item = Item::message(envelope, head.stamp, 0, None);
        let Err((no_room, item)) = self.send(Parcel::new(item)) else {
            return Ok(());
        };
        let refusal = Refusal::from(no_room);
        if let Item::Message { mut envelope, .. } = item.into_inner()
            && A::port(&mut envelope).is_call()
        {
            A::port(&mut envelope).refuse(&Unhandled(Failure::Refused(refusal)));
            return Ok(());
        }
        Err(refusal)
    }

    fn monitor(&self, watcher: Watcher) {
        self.seat.monitor(watcher);
    }

    fn demonitor(&self, id: MonitorId) {
        self.seat.demonitor(id);
    }
}
