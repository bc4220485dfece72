use super::model::Supervisor;
use proc_macro2::TokenStream;
pub(super) fn expand(_: &Supervisor) -> TokenStream {
    TokenStream::new()
}
