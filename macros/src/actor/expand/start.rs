use super::super::model::Actor;
use proc_macro2::TokenStream;
pub(super) fn expand(_actor: &Actor) -> TokenStream {
    TokenStream::new()
}
