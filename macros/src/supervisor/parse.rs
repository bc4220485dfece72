//! What stands in the source: the arguments of `#[supervisor]`, the fields and their `#[child]`.

use std::time::Duration;

use proc_macro2::TokenStream;
use syn::{Attribute, Expr, Field, Fields, Ident, ItemStruct};

use crate::actor::policy::Policy;
use crate::actor::with_names;
use crate::attr;
use crate::diag::Problems;

const KEYS: &[&str] = &["strategy", "intensity", "period"];

const STRATEGIES: &[&str] = &["one_for_one", "rest_for_one", "one_for_all"];

const CHILD_KEYS: &[&str] = &["restart", "shutdown", "mailbox", "backoff", "default"];

/// The arguments of the annotation.
#[derive(Default)]
pub(crate) struct StrategyInput {
    pub(crate) strategy: Option<Ident>,
    pub(crate) intensity: Option<Expr>,
    pub(crate) period: Option<Duration>,
}

/// One field with the arguments of its `#[child]`.
pub(crate) struct FieldInput {
    pub(crate) field: Field,
    /// None where the annotation is forgotten.
    pub(crate) child: Option<Attribute>,
    pub(crate) policy: Policy,
    /// `default`: the spec is the one of `spec()`.
    pub(crate) is_default: bool,
}

/// Reads the arguments of the annotation.
pub(crate) fn strategy(args: TokenStream, problems: &mut Problems) -> StrategyInput {
    let mut input = StrategyInput::default();
    for arg in attr::split(args, problems) {
        match arg.key().as_str() {
            "strategy" => input.strategy = arg.word(STRATEGIES, problems),
            "intensity" => input.intensity = arg.count(0, "intensity = 3", problems),
            "period" => input.period = arg.duration(problems),
            _ => arg.unknown("`#[supervisor]`", KEYS, problems),
        }
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
            _ if input.policy.take(&arg, problems) => {}
            _ => arg.unknown("`#[child]`", CHILD_KEYS, problems),
        }
    }
    input
}
