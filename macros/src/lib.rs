//! The annotations of quorate: `#[actor]`, `#[supervisor]`, `#[message]`. Their use is described in the crate `quorate`.
//!
//! Each is a pipeline: parse -> model -> validate -> expand. On a user's mistake the expansion still has all that can be
//! generated, so that there is one error, at the user's token, that says what to write instead. Generated code names
//! nothing but `::quorate` and `::core`.

#![forbid(unsafe_code)]

mod actor;
mod attr;
mod diag;
mod fallback;
mod message;
mod supervisor;
mod types;

use proc_macro::TokenStream;

/// Makes an actor: on a struct it holds the policy, on its `impl` it makes the messages.
///
/// On the struct or enum: `restart = permanent | transient | temporary`, `shutdown = "5s" | kill | infinity`,
/// `mailbox = 1024`, `backoff = "100ms..10s"`, each with the default named first (no back-off by default).
///
/// On the impl, once: `local`, for messages that cannot be archived, or `name = "package::Type"`, the name on the wire. Methods with a visibility and
/// `&self` or `&mut self` become messages: variants of `CounterMessage`, and requests on the `ActorRef`. A parameter
/// `cx: &mut Context<Self>` is given by the framework; a parameter `reply: ReplyPort<T>` answers later. `#[init]` marks how the actor starts,
/// `#[continued]` what it does before the next message when `Context::go_on` asked for it, `#[stopped]`, `#[down]`, `#[info]`,
/// `#[tick(every = "1s")]` and `#[undelivered]` what it does on these events.
#[proc_macro_attribute]
pub fn actor(args: TokenStream, item: TokenStream) -> TokenStream {
    actor::expand(args.into(), &item.into()).into()
}

/// Makes a struct or an enum fit for messages between nodes.
///
/// It derives the archived form, and the shape that two nodes compare before they exchange it. All fields must be fit for messages too.
#[proc_macro_attribute]
pub fn message(args: TokenStream, item: TokenStream) -> TokenStream {
    message::expand(args.into(), &item.into()).into()
}

/// Makes a supervisor of a struct whose fields are its children.
///
/// ```text
/// strategy = one_for_one | one_for_all | rest_for_one             one_for_one
/// intensity = 3, period = "5s"                                     3 restarts in 5 s; one more ends the supervisor
/// auto_shutdown = never | any_significant | all_significant        never
/// ```
/// On each field `#[child]`, with `restart`, `shutdown`, `mailbox`, `backoff` and `jitter` to override the policy of the child's own annotation;
/// `significant`; `max_children` for a `DynamicSupervisor`; or `default` for a child whose `spec()` takes nothing. The generated `spec` takes one
/// spec for each field in order, except for those marked `default`, dynamic supervisors and task supervisors.
#[proc_macro_attribute]
pub fn supervisor(args: TokenStream, item: TokenStream) -> TokenStream {
    supervisor::expand(args.into(), &item.into()).into()
}
