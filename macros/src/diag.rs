//! The problems of one annotation: collected, then given to rustc together.
//!
//! Each is a span of the user's and a sentence that says what to write instead. This module emits no code beside them; what stands in
//! for the code that could not be generated is in [`fallback`](crate::fallback).

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// Every problem found in one annotated item, in the order found.
#[derive(Default)]
pub(crate) struct Problems {
    first: Option<syn::Error>,
}

impl Problems {
    /// Notes a problem at the tokens of `at`.
    pub(crate) fn at(&mut self, at: impl ToTokens, text: impl std::fmt::Display) {
        self.push(syn::Error::new_spanned(at, text));
    }

    /// Notes a problem at a span.
    pub(crate) fn span(&mut self, span: Span, text: impl std::fmt::Display) {
        self.push(syn::Error::new(span, text));
    }

    pub(crate) fn push(&mut self, error: syn::Error) {
        match &mut self.first {
            Some(first) => first.combine(error),
            none => *none = Some(error),
        }
    }

    /// How many have been noted: lets a caller see whether a step found any.
    pub(crate) fn len(&self) -> usize {
        self.first.iter().flatten().count()
    }

    /// The `compile_error!`s, empty when nothing was noted.
    pub(crate) fn into_tokens(self) -> TokenStream {
        self.first
            .map(|error| error.to_compile_error())
            .unwrap_or_default()
    }
}
