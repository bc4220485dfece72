//! What the annotated struct means: a strategy and children in their order.

use std::time::Duration;

use syn::{Attribute, Expr, Field, Ident, ItemStruct, Visibility};

use super::parse::{FieldInput, StrategyInput};
use crate::actor::policy::Policy;
use crate::actor::with_names;

/// The annotated struct.
pub(crate) struct Supervisor {
    pub(crate) vis: Visibility,
    pub(crate) ident: Ident,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) strategy: Option<Ident>,
    pub(crate) intensity: Option<Expr>,
    pub(crate) period: Option<Duration>,
    pub(crate) children: Vec<Child>,
}

/// One field.
pub(crate) struct Child {
    pub(crate) field: Field,
    pub(crate) name: Option<Ident>,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) is_marked: bool,
    pub(crate) policy: Policy,
    pub(crate) is_default: bool,
}

impl Supervisor {
    pub(crate) fn new(input: &ItemStruct, strategy: StrategyInput, fields: Vec<FieldInput>) -> Self {
        Self {
            vis: input.vis.clone(),
            ident: input.ident.clone(),
            cfgs: with_names(&input.attrs, &["cfg"]).into_iter().cloned().collect(),
            strategy: strategy.strategy,
            intensity: strategy.intensity,
            period: strategy.period,
            children: fields.into_iter().map(Child::new).collect(),
        }
    }
}

impl Child {
    fn new(input: FieldInput) -> Self {
        Self {
            name: input.field.ident.clone(),
            docs: with_names(&input.field.attrs, &["doc"])
                .into_iter()
                .cloned()
                .collect(),
            is_marked: input.child.is_some(),
            field: input.field,
            policy: input.policy,
            is_default: input.is_default,
        }
    }
}
