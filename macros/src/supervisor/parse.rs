//! What stands in the source: the arguments of `#[supervisor]`, the fields and their `#[child]`.

use std::time::Duration;

use proc_macro2::TokenStream;
use syn::{Attribute, Expr, Field, Fields, Ident, ItemStruct};

use crate::actor::policy::Policy;
use crate::actor::with_names;
use crate::attr;
use crate::diag::Problems;

const KEYS: &[&str] = &["strategy", "intensity", "period", "auto_shutdown"];

const STRATEGIES: &[&str] = &["one_for_one", "rest_for_one", "one_for_all"];

const AUTO_SHUTDOWNS: &[&str] = &["never", "any_significant", "all_significant"];

const CHILD_KEYS: &[&str] = &[
    "restart",
    "shutdown",
    "mailbox",
    "in_place",
    "hibernate_after",
    "backoff",
    "jitter",
    "significant",
    "max_children",
    "default",
];

/// The arguments of the annotation.
#[derive(Default)]
pub(crate) struct StrategyInput {
    pub(crate) strategy: Option<Ident>,
    pub(crate) intensity: Option<Expr>,
    pub(crate) period: Option<Duration>,
    pub(crate) auto_shutdown: Option<Ident>,
}

/// One field with the arguments of its `#[child]`.
pub(crate) struct FieldInput {
    pub(crate) field: Field,
    /// None where the annotation is forgotten.
    pub(crate) child: Option<Attribute>,
    pub(crate) policy: Policy,
    /// `significant`, where it stands.
    pub(crate) significant: Option<syn::Path>,
    /// `max_children`, and where it stands.
    pub(crate) max_children: Option<(syn::Path, Expr)>,
    /// `default`: the spec is the one of `spec()`.
    pub(crate) is_default: bool,
}

/// Reads the arguments of the annotation.
pub(crate) fn strategy(args: TokenStream, problems: &mut Problems) -> StrategyInput {
    let mut input = StrategyInput::default();
    let mut has_period = false;
    for arg in attr::split(args, problems) {
        match arg.key().as_str() {
            "strategy" => input.strategy = arg.word(STRATEGIES, problems),
            "intensity" => input.intensity = arg.count(0, "intensity = 3", problems),
            "period" => {
                has_period = true;
                input.period = arg.duration(problems);
            }
            "auto_shutdown" => input.auto_shutdown = arg.word(AUTO_SHUTDOWNS, problems),
            _ => arg.unknown("`#[supervisor]`", KEYS, problems),
        }
    }
    if let (Some(intensity), None) = (&input.intensity, &input.period)
        && !has_period
    {
        problems.at(
            intensity,
            "an intensity is so many restarts within a period: write `period = \"5s\"` too",
        );
    }
    input
}

/// Takes `#[child]` off the fields. None when the struct has no named fields.
pub(crate) fn fields(input: &mut ItemStruct, problems: &mut Problems) -> Option<Vec<FieldInput>> {
    if let Some(param) = input.generics.params.first() {
        problems.at(
            param,
            "a supervisor is not generic: write the types of its children",
        );
        return None;
    }
    let named = match &mut input.fields {
        Fields::Named(fields) => &mut fields.named,
        Fields::Unit => {
            problems.at(
                &input.ident,
                "the children of a supervisor are its fields: write `{ #[child] name: Actor }`",
            );
            return None;
        }
        Fields::Unnamed(fields) => {
            problems.at(
                fields,
                "the children of a supervisor have names: write `{ #[child] name: Actor }`",
            );
            return None;
        }
    };
    Some(
        named
            .iter_mut()
            .map(|field| field_input(field, problems))
            .collect(),
    )
}

fn field_input(field: &mut Field, problems: &mut Problems) -> FieldInput {
    let child = with_names(&field.attrs, &["child"])
        .first()
        .map(|attribute| (*attribute).clone());
    field
        .attrs
        .retain(|attribute| !attribute.path().is_ident("child"));
    let mut input = FieldInput {
        field: field.clone(),
        child,
        policy: Policy::default(),
        significant: None,
        max_children: None,
        is_default: false,
    };
    let Some(attribute) = &input.child else {
        return input;
    };
    for arg in attr::split_attribute(attribute, problems) {
        match arg.key().as_str() {
            "default" => {
                arg.flag(problems);
                input.is_default = true;
            }
            "significant" => {
                arg.flag(problems);
                input.significant = Some(arg.key_tokens().clone());
            }
            "max_children" => {
                let count = arg.count(1, "max_children = 10_000", problems);
                input.max_children = count.map(|count| (arg.key_tokens().clone(), count));
            }
            _ if input.policy.take(&arg, problems) => {}
            _ => arg.unknown("`#[child]`", CHILD_KEYS, problems),
        }
    }
    input.policy.check(problems);
    input
}
