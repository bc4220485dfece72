//! What the annotated struct means: a strategy and children in their order.

use std::time::Duration;

use syn::{Attribute, Expr, Field, Ident, ItemStruct, Path, Type, Visibility};

use super::parse::{FieldInput, StrategyInput};
use crate::actor::policy::Policy;
use crate::actor::{last_segment, with_names};

/// The annotated struct.
pub(crate) struct Supervisor {
    pub(crate) vis: Visibility,
    pub(crate) ident: Ident,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) strategy: Option<Ident>,
    pub(crate) intensity: Option<Expr>,
    pub(crate) period: Option<Duration>,
    pub(crate) auto_shutdown: Option<Ident>,
    pub(crate) children: Vec<Child>,
}

/// One field.
pub(crate) struct Child {
    pub(crate) field: Field,
    pub(crate) name: Option<Ident>,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) is_marked: bool,
    pub(crate) policy: Policy,
    pub(crate) significant: Option<Path>,
    pub(crate) max_children: Option<(Path, Expr)>,
    /// Its spec is that of its own `spec()`.
    pub(crate) is_default: bool,
}

/// Supervisors of this crate whose spec takes nothing.
const OWN: &[&str] = &[DYNAMIC, "TaskSupervisor"];

/// The one whose children are counted.
pub(super) const DYNAMIC: &str = "DynamicSupervisor";

impl Supervisor {
    pub(crate) fn new(input: &ItemStruct, strategy: StrategyInput, fields: Vec<FieldInput>) -> Self {
        Self {
            vis: input.vis.clone(),
            ident: input.ident.clone(),
            cfgs: with_names(&input.attrs, &["cfg"]).into_iter().cloned().collect(),
            strategy: strategy.strategy,
            intensity: strategy.intensity,
            period: strategy.period,
            auto_shutdown: strategy.auto_shutdown,
            children: fields.into_iter().map(Child::new).collect(),
        }
    }
}

impl Child {
    fn new(input: FieldInput) -> Self {
        let is_own = is_named(&input.field.ty, OWN);
        Self {
            name: input.field.ident.clone(),
            docs: with_names(&input.field.attrs, &["doc"])
                .into_iter()
                .cloned()
                .collect(),
            is_marked: input.child.is_some(),
            is_default: input.is_default || is_own,
            field: input.field,
            policy: input.policy,
            significant: input.significant,
            max_children: input.max_children,
        }
    }
}

/// True for a type of one of these names, whatever its path.
pub(super) fn is_named(ty: &Type, names: &[&str]) -> bool {
    last_segment(ty).is_some_and(|segment| names.iter().any(|name| segment.ident == name))
}
