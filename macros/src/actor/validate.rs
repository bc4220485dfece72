//! What no message and no hook can be, each said at the token, with what to write instead.
//!
//! A message with a problem is left out of the expansion; the user's own method stays as it is.

use std::collections::HashMap;

use syn::{GenericParam, ReceiverKind, Safety, Type};

use super::model::{Actor, Hook, Message, Param, ParamKind};
use super::names;
use crate::diag::Problems;
use crate::types;

/// Arguments of one message, the longest tuple that can be archived.
const ARGUMENTS_MAX: usize = 8;

/// Notes the problems of an actor, and takes out of the model what has one.
pub(crate) fn validate(actor: &mut Actor, problems: &mut Problems) {
    let local = actor.shape.local;
    actor.messages.retain(|message| {
        let before = problems.len();
        check_message(message, local, problems);
        problems.len() == before
    });
    check_variants(actor, problems);
    check_hooks(actor, problems);
}

fn check_message(message: &Message, local: bool, problems: &mut Problems) {
    let name = &message.ident;
    if let Some(why) = names::shadowed(name) {
        let text = format!(
            "`{name}` cannot be the name of a message: on a ref it is {why}; write another name, or make the method private"
        );
        return problems.at(name, text);
    }
    if message.variant.is_none() {
        return problems.at(name, "the name of a message has a letter in it");
    }
    check_signature(message, problems);
    let ports: Vec<&Param> = message
        .params
        .iter()
        .filter(|param| matches!(param.kind, ParamKind::Port(_)))
        .collect();
    if let [_, second, ..] = ports[..] {
        problems.at(
            &second.ty,
            "a message has one reply port: make the other a field of a message, or of an argument",
        );
    }
    if let ([_], false) = (&ports[..], is_unit(&message.output)) {
        problems.at(
            &message.output,
            "a message with a `ReplyPort` answers through it: remove the return type",
        );
    }
    let arguments = message.arguments().count();
    if arguments > ARGUMENTS_MAX {
        problems.at(name, format!("a message has at most {ARGUMENTS_MAX} arguments, this one has {arguments}: put them into a struct with `#[message]`"));
    }
    for param in &message.params {
        check_param(param, local, problems);
    }
    check_reply(&message.output, local, problems);
}

fn check_signature(message: &Message, problems: &mut Problems) {
    let signature = &message.input.sig;
    let receiver = signature.receiver();
    if let Some(param) = signature.generics.params.first() {
        let text = match param {
            GenericParam::Lifetime(_) => {
                "a message has no lifetimes: it is owned while it waits in the mailbox"
            }
            _ => "a message is not generic: write the type, or make the method private",
        };
        problems.at(param, text);
    } else if !receiver.is_some_and(|receiver| matches!(receiver.kind, ReceiverKind::Reference(_, None, _))) {
        problems.at(
            receiver,
            "a message borrows the actor: write `&mut self` or `&self`, or make the method private",
        );
    }
    if let Safety::Unsafe(token) = &signature.safety {
        problems.at(
            token,
            "a message is not `unsafe`: any holder of a ref may send it",
        );
    }
}

fn check_param(param: &Param, local: bool, problems: &mut Problems) {
    if let Some(attribute) = param
        .attrs
        .iter()
        .find(|attribute| attribute.path().is_ident("cfg"))
    {
        return problems.at(
            attribute,
            "a message has the same arguments in every build: put the `#[cfg]` on the method",
        );
    }
    match &param.kind {
        ParamKind::Context | ParamKind::Text | ParamKind::Bytes => {}
        ParamKind::Borrowed => {
            let text = "a message is owned while it waits in the mailbox: write `T`, or `&Archived<T>`, `&str`, `&[u8]` to read in place";
            problems.at(&param.ty, text);
        }
        ParamKind::Port(reply) => check_reply(reply, local, problems),
        ParamKind::Archived(ty) => check_type(ty, local, problems),
        ParamKind::Owned => check_type(&param.ty, local, problems),
    }
}

fn check_type(ty: &Type, local: bool, problems: &mut Problems) {
    if matches!(ty, Type::ImplTrait(_)) {
        problems.at(
            ty,
            "a message is not generic: write the type instead of `impl Trait`",
        );
    } else if let Some(found) = types::borrow(ty) {
        problems.span(
            found.span,
            format!("an argument of a message {}: write an owned type", found.text),
        );
    } else if !local {
        check_wire(ty, problems);
    }
}

fn check_reply(ty: &Type, local: bool, problems: &mut Problems) {
    if matches!(ty, Type::ImplTrait(_)) {
        problems.at(ty, "a reply has one type: write it instead of `impl Trait`");
    } else if matches!(ty, Type::Never(_)) {
        problems.at(
            ty,
            "a message that never returns answers nobody: remove the return type",
        );
    } else if matches!(ty, Type::Reference(_)) && types::borrow(ty).is_some() {
        problems.at(ty, "a reply leaves the actor: write an owned type, and clone");
    } else if let Some(found) = types::borrow(ty) {
        problems.span(
            found.span,
            format!(
                "a reply leaves the actor, this one {}: write an owned type, and clone",
                found.text
            ),
        );
    } else if !local {
        check_wire(ty, problems);
    }
}

fn check_wire(ty: &Type, problems: &mut Problems) {
    if let Some(found) = types::not_on_the_wire(ty) {
        problems.span(
            found.span,
            format!("{}, or annotate the impl with `#[actor(local)]`", found.text),
        );
    }
}

/// Two methods that would be one variant. Two of the same name are rustc's to refuse, or behind different `#[cfg]`s.
fn check_variants(actor: &mut Actor, problems: &mut Problems) {
    let mut seen: HashMap<String, syn::Ident> = HashMap::new();
    actor.messages.retain(|message| {
        let Some(variant) = &message.variant else {
            return false;
        };
        match seen.get(&variant.to_string()) {
            Some(first) if *first != message.ident => {
                let text = format!(
                    "`{}` and `{first}` would both be the variant `{variant}`: write another name",
                    message.ident
                );
                problems.at(&message.ident, text);
                false
            }
            _ => {
                seen.insert(variant.to_string(), message.ident.clone());
                true
            }
        }
    });
}

fn check_hooks(actor: &mut Actor, problems: &mut Problems) {
    let hooks = &mut actor.hooks;
    let before = problems.len();
    if let Some(init) = &hooks.init {
        check_init(init, problems);
        if problems.len() != before {
            hooks.init = None;
        }
    }
    let expected = [
        (&mut hooks.stopped, "reason: &ExitReason"),
        (&mut hooks.down, "down: Down"),
        (&mut hooks.info, "info: Info"),
        (&mut hooks.continued, ""),
    ];
    for (hook, argument) in expected {
        let before = problems.len();
        if let Some(hook) = &*hook {
            check_event(hook, argument, problems);
        }
        if problems.len() != before {
            *hook = None;
        }
    }
    hooks.ticks.retain(|(hook, _)| {
        let before = problems.len();
        check_event(hook, "", problems);
        problems.len() == before
    });
    let before = problems.len();
    if let Some(hook) = &hooks.undelivered {
        check_undelivered(hook, problems);
    }
    if problems.len() != before {
        hooks.undelivered = None;
    }
}

fn check_init(init: &Hook, problems: &mut Problems) {
    if let Some(receiver) = &init.receiver {
        problems.at(receiver, "`#[init]` makes the actor, there is no `self` yet: remove it, and answer `Self` or `Result<Self, E>`");
    } else if is_unit(&init.output) {
        problems.at(
            &init.ident,
            "`#[init]` makes the actor: write `-> Self` or `-> Result<Self, E>`",
        );
    }
    check_generics(init, problems);
    for param in init
        .params
        .iter()
        .filter(|param| !matches!(param.kind, ParamKind::Context))
    {
        if matches!(param.ty, Type::ImplTrait(_)) {
            problems.at(
                &param.ty,
                "an argument of `#[init]` is kept for restarts: write its type instead of `impl Trait`",
            );
        } else if let Some(found) = types::borrow(&param.ty) {
            problems.span(
                found.span,
                format!(
                    "an argument of `#[init]` is kept for restarts, this one {}: write an owned type",
                    found.text
                ),
            );
        }
    }
}

/// A hook with a receiver, at most one argument, and perhaps a context.
fn check_event(hook: &Hook, argument: &str, problems: &mut Problems) {
    let name = path_text(hook);
    match hook.receiver.as_ref().map(|receiver| &receiver.kind) {
        Some(ReceiverKind::Reference(_, None, _)) => {}
        Some(_) => problems.at(
            &hook.receiver,
            format!("`#[{name}]` is called on the actor: write `&mut self`"),
        ),
        None => problems.at(
            &hook.ident,
            format!("`#[{name}]` is called on the actor: add `&mut self`"),
        ),
    }
    check_generics(hook, problems);
    check_no_output(hook, &name, problems);
    let allowed = usize::from(!argument.is_empty());
    let mut arguments = hook
        .params
        .iter()
        .filter(|param| !matches!(param.kind, ParamKind::Context));
    if let Some(extra) = arguments.nth(allowed) {
        let takes = if argument.is_empty() {
            String::new()
        } else {
            format!("`{argument}` and ")
        };
        problems.at(
            &extra.ty,
            format!("`#[{name}]` takes {takes}`cx: &mut Context<Self>`, each only if wanted"),
        );
    }
}

fn check_undelivered(hook: &Hook, problems: &mut Problems) {
    if let Some(receiver) = &hook.receiver {
        problems.at(
            receiver,
            "`#[undelivered]` is called when the actor is gone, there is no `self`: remove it",
        );
    } else if hook.is_async {
        problems.at(
            &hook.ident,
            "`#[undelivered]` is not async: it is called where the message is dropped",
        );
    } else if hook.params.len() != 1 {
        problems.at(&hook.ident, "`#[undelivered]` takes the message alone: write `message: NameMessage`, with the actor's name for `Name`");
    }
    check_generics(hook, problems);
    check_no_output(hook, "undelivered", problems);
}

fn check_generics(hook: &Hook, problems: &mut Problems) {
    if let Some(cfg) = &hook.cfg {
        problems.at(
            cfg,
            format!(
                "`#[{}]` is there in every build: put the `#[cfg]` on what it does",
                path_text(hook)
            ),
        );
    }
    if let Some(param) = hook.generics.params.first() {
        problems.at(
            param,
            format!("`#[{}]` is not generic: write the type", path_text(hook)),
        );
    }
}

fn check_no_output(hook: &Hook, name: &str, problems: &mut Problems) {
    if !is_unit(&hook.output) {
        problems.at(
            &hook.output,
            format!("nobody waits for what `#[{name}]` answers: remove the return type"),
        );
    }
}

fn path_text(hook: &Hook) -> String {
    hook.attribute
        .path()
        .get_ident()
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// `()`, written or not.
pub(crate) fn is_unit(ty: &Type) -> bool {
    matches!(ty, Type::Tuple(tuple) if tuple.elems.is_empty())
}
