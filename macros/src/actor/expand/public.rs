//! What the user sees: the message enum and the handle with its requests.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::super::model::{Actor, Message, Param, ParamKind};
use super::{cfgs, docs, held_type, method_ident, quiet, tuple};

/// The enum and the handle.
pub(super) fn expand(actor: &Actor) -> TokenStream {
    let ty = &actor.ty;
    let name = &ty.ident;
    let (message, handle) = (ty.named("Message"), ty.named("Handle"));
    let (quiet, cfgs) = (quiet(), &actor.cfgs);
    let variants = actor.messages.iter().map(|message| variant(actor, message));
    let message_doc = format!("The messages of [`{name}`], one variant for each of its message methods.");
    let handle_doc = format!("The requests of [`{name}`]: what an `ActorRef<{name}>` derefs to.");
    quote! {
        #(#cfgs)*
        #[doc = #message_doc]
        #quiet
        pub enum #message {
            #(#variants,)*
        }

        #(#cfgs)*
        #[doc = #handle_doc]
        #quiet
        pub struct #handle(::quorate::RawRef<#ty>);
    }
}

fn variant(actor: &Actor, message: &Message) -> TokenStream {
    let cfgs = cfgs(message);
    let (name, ident) = (&actor.ty.ident, &message.ident);
    let docs = docs(
        &message.attributes(&["doc"]),
        &format!("The message of [`{name}::{ident}`]."),
    );
    let variant = &message.variant;
    let fields: Vec<TokenStream> = message
        .arguments()
        .map(|param| {
            let (field, held) = (&param.name, held_type(param));
            let doc = format!("The argument `{field}`.");
            quote!(#[doc = #doc] #field: #held)
        })
        .collect();
    if fields.is_empty() {
        quote!(#cfgs #docs #variant)
    } else {
        quote!(#cfgs #docs #variant { #(#fields),* })
    }
}

/// The impls of the handle.
pub(super) fn requests(actor: &Actor) -> TokenStream {
    let ty = &actor.ty;
    let handle = ty.named("Handle");
    let requests = actor.messages.iter().map(|message| request(actor, message));
    quote! {
        impl #handle {
            #(#requests)*
        }

        impl ::core::clone::Clone for #handle {
            fn clone(&self) -> Self {
                Self(::core::clone::Clone::clone(&self.0))
            }
        }

        impl ::quorate::ActorHandle<#ty> for #handle {
            fn from_raw(raw: ::quorate::RawRef<#ty>) -> Self {
                Self(raw)
            }

            fn raw(&self) -> &::quorate::RawRef<#ty> {
                &self.0
            }
        }
    }
}

fn request(actor: &Actor, message: &Message) -> TokenStream {
    let cfgs = cfgs(message);
    let ty = &actor.ty;
    let (vis, ident, method) = (&message.vis, &message.ident, method_ident(actor, message));
    let docs = docs(
        &message.attributes(&["doc"]),
        &format!("Requests [`{}::{ident}`].", ty.ident),
    );
    let deprecated = message.attributes(&["deprecated"]);
    let params = message.arguments().map(parameter);
    let names: Vec<_> = message.arguments().map(|param| param.name.clone()).collect();
    let conversions = message.arguments().filter_map(conversion);
    let arguments = tuple(actor, &names);
    quote! {
        #cfgs
        #docs
        #(#deprecated)*
        #vis fn #ident(&self, #(#params),*) -> ::quorate::Request<'_, #method<#ty>> {
            #(#conversions)*
            ::quorate::Request::new(&self.0, #method { args: #arguments, of: ::core::marker::PhantomData })
        }
    }
}

fn parameter(param: &Param) -> TokenStream {
    let (name, ty) = (&param.name, &param.ty);
    match &param.kind {
        ParamKind::Archived(ty) => quote!(#name: impl ::quorate::IntoArchived<#ty>),
        ParamKind::Text => quote!(#name: impl ::core::convert::Into<::quorate::message::Text>),
        ParamKind::Bytes => quote!(#name: impl ::core::convert::Into<::quorate::message::Bytes>),
        _ => quote!(#name: #ty),
    }
}

fn conversion(param: &Param) -> Option<TokenStream> {
    let name = format_ident!("{}", param.name);
    match &param.kind {
        ParamKind::Archived(_) => Some(quote!(let #name = ::quorate::IntoArchived::into_archived(#name);)),
        ParamKind::Text | ParamKind::Bytes => Some(quote!(let #name = ::core::convert::Into::into(#name);)),
        _ => None,
    }
}
