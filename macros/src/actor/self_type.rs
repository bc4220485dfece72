//! The actor's type, and `Self` replaced by it: the generated items stand outside of the user's impl, where `Self` means something else.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, TokenStreamExt, format_ident};
use syn::{PathArguments, Type, TypePath};

/// `Counter`, or a path to it.
pub(crate) struct SelfType {
    pub(crate) path: TypePath,
    pub(crate) ident: Ident,
}

impl SelfType {
    /// None for anything but a path without arguments.
    pub(crate) fn new(ty: &Type) -> Option<Self> {
        match ty {
            Type::Group(group) => Self::new(&group.elem),
            Type::Paren(paren) => Self::new(&paren.elem),
            Type::Path(path) if path.qself.is_none() => {
                let segment = path.path.segments.last()?;
                let is_plain = path
                    .path
                    .segments
                    .iter()
                    .all(|segment| matches!(segment.arguments, PathArguments::None));
                is_plain.then(|| Self {
                    ident: segment.ident.clone(),
                    path: path.clone(),
                })
            }
            _ => None,
        }
    }

    /// A name made from the type's: `CounterMessage`.
    pub(crate) fn named(&self, suffix: &str) -> Ident {
        format_ident!("{}{suffix}", self.ident)
    }

    /// `Self` replaced in a type.
    pub(crate) fn replace_in(&self, ty: &Type) -> Type {
        let replaced = self.replace(ty.to_token_stream());
        syn::parse2(replaced).unwrap_or_else(|_| ty.clone())
    }

    fn replace(&self, tokens: TokenStream) -> TokenStream {
        let mut replaced = TokenStream::new();
        for token in tokens {
            match token {
                TokenTree::Ident(ident) if ident == "Self" => {
                    replaced.extend(respan(self.path.to_token_stream(), ident.span()));
                }
                TokenTree::Group(group) => {
                    let mut inner = Group::new(group.delimiter(), self.replace(group.stream()));
                    inner.set_span(group.span());
                    replaced.append(inner);
                }
                other => replaced.append(other),
            }
        }
        replaced
    }
}

impl ToTokens for SelfType {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.path.to_tokens(tokens);
    }
}

fn respan(tokens: TokenStream, span: Span) -> TokenStream {
    let respanned = tokens.into_iter().map(|mut token| {
        token.set_span(token.span().located_at(span));
        token
    });
    respanned.collect()
}
