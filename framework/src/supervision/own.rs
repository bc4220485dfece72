//! What the supervisors of this crate are to the rest of it: what `#[supervisor]` writes for those of users.

/// Makes a supervisor of a type and its handle, a newtype of [`RawRef`](crate::RawRef).
macro_rules! own_supervisor {
    ([$($generics:tt)*] $supervisor:ty, $handle:ty, $name:literal) => {
        impl<$($generics)*> $crate::supervision::Supervisor for $supervisor {}

        #[diagnostic::do_not_recommend]
        impl<$($generics)*> $crate::Actor for $supervisor {
            type Message = $crate::supervision::SupervisorMessage;
            type Envelope = $crate::supervision::SupervisorMessage;
            type Handle = $handle;
            const POLICY: $crate::Policy = $crate::Policy::DEFAULT;
            const NAME: &'static str = $name;
            const WIRE: Option<$crate::__private::ActorWire<Self>> = None;

            fn is_async(message: &Self::Message) -> bool {
                match *message {}
            }

            fn handle_now(&mut self, message: Self::Message, _: &mut $crate::Context<Self>) {
                match message {}
            }

            async fn handle(&mut self, message: Self::Message, _: &mut $crate::Context<Self>) {
                match message {}
            }

            fn into_message(message: Self::Message) -> Self::Message {
                message
            }

            fn from_message(message: Self::Message) -> Self::Message {
                message
            }

            fn port(message: &mut Self::Message) -> &mut dyn $crate::__private::Port {
                message.port()
            }
        }
    };
}

/// Makes a newtype of a ref the handle of a supervisor, for those that need nothing else.
macro_rules! own_handle {
    ([$($generics:tt)*] $supervisor:ty, $handle:ty) => {
        impl<$($generics)*> Clone for $handle {
            fn clone(&self) -> Self {
                Self(self.0.clone())
            }
        }

        impl<$($generics)*> $crate::ActorHandle<$supervisor> for $handle {
            fn from_raw(raw: $crate::RawRef<$supervisor>) -> Self {
                Self(raw)
            }

            fn raw(&self) -> &$crate::RawRef<$supervisor> {
                &self.0
            }
        }
    };
}

pub(super) use own_handle;
pub(crate) use own_supervisor;
