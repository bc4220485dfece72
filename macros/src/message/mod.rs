//! `#[message]`: a type of the user's that may travel between nodes.
//!
//! ```text
//! tokens -> syn::DeriveInput -> validate -> expand -> tokens
//! ```
//! The type is its own model: nothing is read from it but names and types of fields.

mod expand;
mod validate;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::attr;
use crate::diag::Problems;
use crate::fallback;

/// Expands `#[message]`.
pub(crate) fn expand(args: TokenStream, item: &TokenStream) -> TokenStream {
    let mut input: DeriveInput = match syn::parse2(item.clone()) {
        Ok(input) => input,
        Err(_) => return fallback::unreadable(item, not_a_type(item)),
    };
    let mut problems = Problems::default();
    for arg in attr::split(args, &mut problems) {
        problems.at(arg.key_tokens(), "`#[message]` takes no arguments: remove them");
    }
    match validate::validate(&mut input, &mut problems) {
        validate::Outcome::Fit => expand::expand(&input, problems),
        validate::Outcome::Unfit => fallback::verbatim(item, problems),
    }
}

fn not_a_type(item: &TokenStream) -> syn::Error {
    let first = item.clone().into_iter().next();
    syn::Error::new_spanned(
        first,
        "`#[message]` stands on a struct or an enum: write `#[actor]` on the impl of an actor",
    )
}
