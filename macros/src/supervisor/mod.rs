//! `#[supervisor]`: a struct whose fields are children.
//!
//! ```text
//! tokens -> parse -> model -> validate -> expand -> tokens
//! ```
//! The struct is a declaration: it is kept as it is and never built.

mod expand;
mod model;
mod parse;
mod validate;

use proc_macro2::TokenStream;
use quote::quote;

use crate::diag::Problems;
use crate::fallback;

/// Expands `#[supervisor]`.
pub(crate) fn expand(args: TokenStream, item: &TokenStream) -> TokenStream {
    let mut input: syn::ItemStruct = match syn::parse2(item.clone()) {
        Ok(input) => input,
        Err(error) => return fallback::unreadable(item, error),
    };
    let mut problems = Problems::default();
    let strategy = parse::strategy(args, &mut problems);
    let Some(fields) = parse::fields(&mut input, &mut problems) else {
        return fallback::verbatim(&quote!(#input), problems);
    };
    let mut supervisor = model::Supervisor::new(&input, strategy, fields);
    validate::validate(&mut supervisor, &mut problems);
    let generated = expand::expand(&supervisor);
    let errors = problems.into_tokens();
    quote!(#errors #[allow(dead_code)] #input #generated)
}
