//! `#[actor]`: on the struct the policy, on the impl the shape.
//!
//! ```text
//! tokens -> parse -> model -> validate -> expand -> tokens
//! ```

mod build;
mod expand;
mod model;
mod names;
mod parse;
pub(crate) mod policy;
mod self_type;
mod validate;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use crate::diag::Problems;
use crate::fallback;

pub(crate) use self::expand::quiet;
pub(crate) use self::model::{last_segment, with_names};

/// Expands `#[actor]` on whatever it stands on.
pub(crate) fn expand(args: TokenStream, item: &TokenStream) -> TokenStream {
    if is_impl(item) {
        expand_impl(args, item)
    } else {
        policy::expand(args, item)
    }
}

fn expand_impl(args: TokenStream, item: &TokenStream) -> TokenStream {
    let input: parse::ImplInput = match syn::parse2(item.clone()) {
        Ok(input) => input,
        Err(error) => return fallback::unreadable(item, error),
    };
    let mut problems = Problems::default();
    if let Some(of_trait) = &input.of_trait {
        problems.at(of_trait, "the messages of an actor are its own methods: write `#[actor]` on its inherent `impl`, without a trait");
        return fallback::verbatim(item, problems);
    }
    if !input.generics.params.is_empty() {
        // The annotation on the struct says so already.
        return item.clone();
    }
    let Some(ty) = self_type::SelfType::new(&input.self_ty) else {
        problems.at(
            &input.self_ty,
            "an actor is a struct or an enum of this crate: write its name",
        );
        return fallback::verbatim(item, problems);
    };
    let shape = build::shape(args, &mut problems);
    let (mut actor, items) = build::build(shape, ty, &input, &mut problems);
    validate::validate(&mut actor, &mut problems);
    let generated = expand::expand(&actor);
    let errors = problems.into_tokens();
    let own = input.with_items(items);
    quote!(#errors #own #generated)
}

/// Whether the item is an impl block: what stands behind its attributes says so.
fn is_impl(item: &TokenStream) -> bool {
    item.clone()
        .into_iter()
        .any(|token| token.to_token_stream().to_string() == "impl")
}
