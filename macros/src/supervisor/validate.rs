//! What no supervisor can be, each said at the token, with what to write instead.

use super::model::{Child, Supervisor};
use crate::actor::last_segment;
use crate::diag::Problems;
use crate::types;

/// Strategies that the core decides by.
const SUPPORTED: &[&str] = &["one_for_one"];

/// Children that are supervisors made of one type, for which the core has no driver.
const UNSUPPORTED: &[&str] = &["DynamicSupervisor", "PartitionSupervisor", "TaskSupervisor"];

/// Notes the problems of a supervisor, and takes out of the model what has one.
pub(crate) fn validate(supervisor: &mut Supervisor, problems: &mut Problems) {
    if let Some(strategy) = &supervisor.strategy
        && !SUPPORTED.iter().any(|supported| strategy == supported)
    {
        problems.at(
            strategy,
            format!("`{strategy}` is not supported yet: write `strategy = one_for_one`"),
        );
        supervisor.strategy = None;
    }
    supervisor.children.retain(|child| {
        let before = problems.len();
        check(child, problems);
        problems.len() == before
    });
}

fn check(child: &Child, problems: &mut Problems) {
    let field = &child.field;
    if !child.is_marked {
        return problems.at(
            &field.ident,
            "a field of a supervisor is a child: annotate it with `#[child]`, or remove it",
        );
    }
    if let Some(cfg) = field
        .attrs
        .iter()
        .find(|attribute| attribute.path().is_ident("cfg"))
    {
        return problems.at(
            cfg,
            "a supervisor has the same children in every build: put the `#[cfg]` on two supervisors",
        );
    }
    match last_segment(&field.ty) {
        Some(segment) if UNSUPPORTED.iter().any(|name| segment.ident == name) => {
            problems.at(
                &segment.ident,
                format!(
                    "a `{}` is not supported yet as a child: write actors",
                    segment.ident
                ),
            );
        }
        Some(segment) if segment.ident == "ActorRef" => {
            problems.at(
                &field.ty,
                "a child is declared by its actor: write the type within the `ActorRef`",
            );
        }
        Some(_) if types::borrow(&field.ty).is_none() => {}
        _ => problems.at(&field.ty, "a child is an actor: write the name of its type"),
    }
}
