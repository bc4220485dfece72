//! What no supervisor can be, each said at the token, with what to write instead.

use super::model::{Child, DYNAMIC, Supervisor, is_named};
use crate::actor::last_segment;
use crate::diag::Problems;
use crate::types;

/// Notes the problems of a supervisor, and takes out of the model what has one.
pub(crate) fn validate(supervisor: &mut Supervisor, problems: &mut Problems) {
    let can_be_significant = supervisor
        .auto_shutdown
        .as_ref()
        .is_some_and(|auto_shutdown| auto_shutdown != "never");
    supervisor.children.retain(|child| {
        let before = problems.len();
        check(child, problems);
        check_keys(child, can_be_significant, problems);
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

fn check_keys(child: &Child, can_be_significant: bool, problems: &mut Problems) {
    if let Some(significant) = &child.significant {
        let restart = child.policy.restart.as_ref().map(ToString::to_string);
        if restart.is_some_and(|restart| restart.ends_with("Permanent")) {
            problems.at(
                significant,
                "a permanent child never ends for good: write `restart = transient` or `temporary`, or leave out `significant`",
            );
        } else if !can_be_significant {
            problems.at(
                significant,
                "nothing follows from the end of a significant child here: write `auto_shutdown = any_significant` or `all_significant` on the supervisor",
            );
        }
    }
    if let Some((max_children, _)) = &child.max_children
        && !is_named(&child.field.ty, &[DYNAMIC])
    {
        problems.at(
            max_children,
            "`max_children` is about a `DynamicSupervisor`: no other child has children that come and go",
        );
    }
}
