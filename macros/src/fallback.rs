//! What stands in the place of code that could not be generated, so that one mistake is one error.
//!
//! The user's own item always stays. Without it every use of the type would be another error.

use proc_macro2::TokenStream;
use quote::quote;

use crate::diag::Problems;

/// The item as written, and its problems.
pub(crate) fn verbatim(item: &TokenStream, problems: Problems) -> TokenStream {
    let errors = problems.into_tokens();
    quote!(#errors #item)
}

/// The item as written, and the error that says why it could not be read. rustc has its own say where the grammar is
/// wrong, so an item that it refuses too is left to it alone.
pub(crate) fn unreadable(item: &TokenStream, error: syn::Error) -> TokenStream {
    let mut problems = Problems::default();
    problems.push(error);
    verbatim(item, problems)
}
