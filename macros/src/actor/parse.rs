//! What stands in the source: the annotated impl, method by method.
//!
//! The bodies of methods stay tokens. They are the user's, nothing here looks into them, and half-typed ones keep their completion in an
//! editor. Nothing is judged here but the grammar.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Generics, ImplItem, Path, Signature, Token, Type, Visibility, braced};

/// `impl Counter { .. }`.
pub(crate) struct ImplInput {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) impl_token: Token![impl],
    pub(crate) generics: Generics,
    pub(crate) of_trait: Option<Path>,
    pub(crate) self_ty: Type,
    pub(crate) items: Vec<ItemInput>,
}

/// One item of the impl.
pub(crate) enum ItemInput {
    Method(Box<MethodInput>),
    /// A constant, a type, a macro: carried over as it is.
    Other(TokenStream),
}

/// `pub fn add(&mut self, n: u64) -> u64 { .. }`.
#[derive(Clone)]
pub(crate) struct MethodInput {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) body: Group,
}

impl Parse for ImplInput {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut attrs = Attribute::parse_outer(input)?;
        let impl_token = input.parse()?;
        let mut generics: Generics = input.parse()?;
        let mut self_ty: Type = input.parse()?;
        let mut of_trait = None;
        if input.peek(Token![for]) {
            let Type::Path(path) = self_ty else {
                return Err(syn::Error::new_spanned(self_ty, "expected a trait"));
            };
            of_trait = Some(path.path);
            input.parse::<Token![for]>()?;
            self_ty = input.parse()?;
        }
        generics.where_clause = input.parse()?;
        let body;
        braced!(body in input);
        attrs.extend(Attribute::parse_inner(&body)?);
        let mut items = Vec::new();
        while !body.is_empty() {
            items.push(body.parse()?);
        }
        Ok(Self {
            attrs,
            impl_token,
            generics,
            of_trait,
            self_ty,
            items,
        })
    }
}

impl Parse for ItemInput {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let ahead = input.fork();
        Attribute::parse_outer(&ahead)?;
        ahead.parse::<Visibility>()?;
        if ahead.parse::<Signature>().is_err() {
            return Ok(Self::Other(input.parse::<ImplItem>()?.into_token_stream()));
        }
        let attrs = Attribute::parse_outer(input)?;
        let vis = input.parse()?;
        let sig = input.parse()?;
        let TokenTree::Group(body) = input.parse()? else {
            return Err(input.error("expected the body of the method"));
        };
        Ok(Self::Method(Box::new(MethodInput {
            attrs,
            vis,
            sig,
            body,
        })))
    }
}

impl ImplInput {
    /// The impl as the user wrote it, with `items` for its items.
    pub(crate) fn with_items(&self, items: impl IntoIterator<Item = TokenStream>) -> TokenStream {
        let Self {
            attrs,
            impl_token,
            generics,
            of_trait,
            self_ty,
            ..
        } = self;
        let attrs = attrs.iter().map(outer);
        let (params, _, where_clause) = generics.split_for_impl();
        let of_trait = of_trait.as_ref().map(|path| quote!(#path for));
        let items = items.into_iter();
        quote!(#(#attrs)* #impl_token #params #of_trait #self_ty #where_clause { #(#items)* })
    }
}

impl ToTokens for MethodInput {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self {
            attrs,
            vis,
            sig,
            body,
        } = self;
        tokens.extend(quote!(#(#attrs)* #vis #sig #body));
    }
}

/// Inner attributes of the impl stand before it in the expansion.
fn outer(attribute: &Attribute) -> Attribute {
    Attribute {
        style: syn::AttrStyle::Outer,
        ..attribute.clone()
    }
}
