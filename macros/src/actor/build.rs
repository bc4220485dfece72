//! From what is written to what it means: which methods are messages, which are hooks, and what stays of the user's impl.
//!
//! Messages are the methods with a visibility and a receiver; hooks are named by their attribute, which is taken off. All else is
//! the user's own.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, FnArg, Visibility};

use super::model::{Actor, Hook, Hooks, Message, Shape, with_names};
use super::parse::{ImplInput, ItemInput, MethodInput};
use super::policy;
use super::self_type::SelfType;
use crate::attr;
use crate::diag::Problems;

const KEYS: &[&str] = &["local", "remote", "name"];

const HOOKS: &[&str] = &[
    "init",
    "continued",
    "stopped",
    "down",
    "info",
    "tick",
    "undelivered",
];

/// Reads the arguments of `#[actor]` on the impl.
pub(crate) fn shape(args: TokenStream, problems: &mut Problems) -> Shape {
    let mut shape = Shape::default();
    let mut is_remote = false;
    for arg in attr::split(args, problems) {
        match arg.key().as_str() {
            "local" => {
                arg.flag(problems);
                shape.local = true;
            }
            "remote" => {
                arg.flag(problems);
                is_remote = true;
            }
            "name" => {
                shape.name = arg.text("name = \"package::Type\"", problems);
                if let Some(name) = shape.name.take_if(|name| name.value().trim().is_empty()) {
                    problems.at(
                        name,
                        "the name on the wire is not empty: write `name = \"package::Type\"`",
                    );
                }
            }
            key if policy::KEYS.contains(&key) => {
                problems.at(
                    arg.key_tokens(),
                    format!("`{key}` is policy: write it in `#[actor(...)]` on the struct"),
                );
            }
            _ => arg.unknown("`#[actor]` on an impl", KEYS, problems),
        }
        if is_remote && shape.local {
            problems.at(
                arg.key_tokens(),
                "an actor is `local` or `remote`: write one of them",
            );
            is_remote = false;
        }
    }
    if let Some(name) = shape.name.take_if(|_| shape.local) {
        problems.at(
            name,
            "a `local` actor has no name on the wire: remove one of them",
        );
    }
    shape
}

/// Builds the model. The second part are the items of the user's impl as they are given back.
pub(crate) fn build(
    shape: Shape,
    ty: SelfType,
    input: &ImplInput,
    problems: &mut Problems,
) -> (Actor, Vec<TokenStream>) {
    let mut hooks = Hooks::default();
    let mut messages = Vec::new();
    let mut items = Vec::new();
    for item in &input.items {
        let method = match item {
            ItemInput::Other(tokens) => {
                items.push(tokens.clone());
                continue;
            }
            ItemInput::Method(method) => method,
        };
        match with_names(&method.attrs, HOOKS)[..] {
            [] if is_message(method) => {
                messages.push(Message::new(method, &ty));
                items.push(as_message(method));
            }
            [] => {
                check_name(method, problems);
                items.push(method.to_token_stream());
            }
            [attribute, ref others @ ..] => {
                check_name(method, problems);
                add_hook(&mut hooks, Hook::new(method, attribute, &ty), problems);
                if let Some(second) = others.first() {
                    problems.at(second, "a method is one hook: write a method for each");
                }
                items.push(as_hook(method));
            }
        }
    }
    let has_own_spec = input
        .items
        .iter()
        .any(|item| matches!(item, ItemInput::Method(method) if names_a_spec(method)));
    let cfgs = with_names(&input.attrs, &["cfg"]).into_iter().cloned().collect();
    (
        Actor {
            shape,
            ty,
            cfgs,
            messages,
            hooks,
            has_own_spec,
        },
        items,
    )
}

fn is_message(method: &MethodInput) -> bool {
    !matches!(method.vis, Visibility::Inherited) && method.sig.receiver().is_some()
}

fn names_a_spec(method: &MethodInput) -> bool {
    method.sig.ident == "spec" || method.sig.ident == "spec_with"
}

fn check_name(method: &MethodInput, problems: &mut Problems) {
    let ident = &method.sig.ident;
    if names_a_spec(method) {
        problems.at(
            ident,
            format!("`{ident}` is how the actor's child spec is made: write another name"),
        );
    }
}

fn add_hook(hooks: &mut Hooks, hook: Hook, problems: &mut Problems) {
    let name = hook
        .attribute
        .path()
        .get_ident()
        .map(ToString::to_string)
        .unwrap_or_default();
    let mut every = None;
    let before = problems.len();
    for arg in attr::split_attribute(&hook.attribute, problems) {
        if name == "tick" && arg.key() == "every" {
            every = Some(arg.duration(problems));
        } else if name == "tick" {
            arg.unknown("`#[tick]`", &["every"], problems);
        } else {
            problems.at(
                arg.key_tokens(),
                format!("`#[{name}]` takes no arguments: remove them"),
            );
        }
    }
    let slot = match name.as_str() {
        "init" => &mut hooks.init,
        "stopped" => &mut hooks.stopped,
        "down" => &mut hooks.down,
        "info" => &mut hooks.info,
        "continued" => &mut hooks.continued,
        "undelivered" => &mut hooks.undelivered,
        _ => {
            match every {
                None if problems.len() == before => {
                    problems.at(
                        &hook.attribute,
                        "a tick has a period: write `#[tick(every = \"1s\")]`",
                    );
                }
                None | Some(None) => {}
                Some(Some(period)) => hooks.ticks.push((hook, period)),
            }
            return;
        }
    };
    if slot.is_some() {
        problems.at(
            &hook.attribute,
            format!("an actor has one `#[{name}]`: call the other method from the first"),
        );
    } else {
        *slot = Some(hook);
    }
}

/// A message takes owned arguments and a receiver by necessity, and may leave its context unused.
fn as_message(method: &MethodInput) -> TokenStream {
    let method = allow_unused_context(method.clone());
    quote!(#[allow(unreachable_pub, clippy::needless_pass_by_value, clippy::unnecessary_wraps, clippy::unused_self)] #method)
}

fn as_hook(method: &MethodInput) -> TokenStream {
    let mut method = allow_unused_context(method.clone());
    method
        .attrs
        .retain(|attribute| !HOOKS.iter().any(|name| attribute.path().is_ident(name)));
    quote!(#[allow(clippy::needless_pass_by_value, clippy::unnecessary_wraps, clippy::unused_self)] #method)
}

/// The context is offered, not asked for.
fn allow_unused_context(mut method: MethodInput) -> MethodInput {
    for argument in &mut method.sig.inputs {
        if let FnArg::Typed(typed) = argument
            && let syn::Type::Reference(reference) = &*typed.ty
            && super::model::last_segment(&reference.elem).is_some_and(|segment| segment.ident == "Context")
        {
            let allow: Attribute = syn::parse_quote!(#[allow(unused_variables)]);
            typed.attrs.push(allow);
        }
    }
    method
}
