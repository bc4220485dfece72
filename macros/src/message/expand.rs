//! The derives of rkyv, through quorate, and the shape: a hash of field names, the shapes of their types, variant names, all in order.
//! The type's own name is not in it, so that renaming a type breaks nobody.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Field, Fields};

use crate::diag::Problems;
use crate::types;

pub(crate) fn expand(input: &DeriveInput, problems: Problems) -> TokenStream {
    let errors = problems.into_tokens();
    let ident = &input.ident;
    let cfgs = cfgs(&input.attrs);
    let shape = match &input.data {
        Data::Struct(data) => {
            let fields = fields(&data.fields);
            quote!(let hash = ::quorate::wire::shape::start("struct"); #fields)
        }
        Data::Enum(data) => {
            let variants = data.variants.iter().map(|variant| {
                let (cfgs, name, fields) = (
                    self::cfgs(&variant.attrs),
                    variant.ident.unraw().to_string(),
                    fields(&variant.fields),
                );
                quote! {
                    #cfgs
                    let hash = {
                        let hash = ::quorate::wire::shape::text(hash, #name);
                        #fields
                        hash
                    };
                }
            });
            quote!(let hash = ::quorate::wire::shape::start("enum"); #(#variants)*)
        }
        Data::Union(_) => TokenStream::new(),
    };
    quote! {
        #errors

        #[derive(::quorate::__private::rkyv::Archive, ::quorate::__private::rkyv::Serialize, ::quorate::__private::rkyv::Deserialize)]
        #[rkyv(crate = ::quorate::__private::rkyv, attr(allow(missing_docs)))]
        #input

        #cfgs
        impl ::quorate::Message for #ident {
            const SHAPE: u64 = {
                #shape
                hash
            };
        }
    }
}

fn fields(fields: &Fields) -> TokenStream {
    fields
        .iter()
        .enumerate()
        .map(|(index, field)| self::field(index, field))
        .collect()
}

fn field(index: usize, field: &Field) -> TokenStream {
    if types::not_on_the_wire(&field.ty).is_some() {
        return TokenStream::new();
    }
    let cfgs = cfgs(&field.attrs);
    let name = field
        .ident
        .as_ref()
        .map_or_else(|| index.to_string(), |ident| ident.unraw().to_string());
    let ty = &field.ty;
    let shape = quote_spanned!(ty.span()=> <#ty as ::quorate::Message>::SHAPE);
    quote! {
        #cfgs
        let hash = ::quorate::wire::shape::number(::quorate::wire::shape::text(hash, #name), #shape);
    }
}

fn cfgs(attrs: &[Attribute]) -> TokenStream {
    attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"))
        .map(ToTokens::to_token_stream)
        .collect()
}
