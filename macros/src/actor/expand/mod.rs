//! The code that one `#[actor] impl` becomes.
//!
//! In the user's scope stand the message enum, the handle and `spec`; all else is within an anonymous constant, where no name of the
//! user's can meet one of ours. Types are named by absolute paths.

mod actor;
mod method;
mod public;
mod start;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::model::{Actor, Message, Param, ParamKind};

/// The lints that say nothing about generated code.
pub(crate) fn quiet() -> TokenStream {
    quote! {
        #[allow(
            clippy::all, clippy::pedantic, clippy::nursery, clippy::restriction, dead_code, deprecated, private_interfaces,
            unreachable_code, unreachable_patterns, unreachable_pub, unused_qualifications, unused_variables
        )]
    }
}

/// Everything but the user's own impl.
pub(crate) fn expand(actor: &Actor) -> TokenStream {
    let public = public::expand(actor);
    let start = start::expand(actor);
    let (quiet, cfgs) = (quiet(), &actor.cfgs);
    let envelope = method::envelope(actor);
    let methods = actor
        .messages
        .iter()
        .enumerate()
        .map(|(index, message)| method::expand(actor, index, message));
    let requests = public::requests(actor);
    let implementation = actor::expand(actor);
    quote! {
        #public
        #start
        #(#cfgs)*
        #quiet
        const _: () = {
            #envelope
            #(#methods)*
            #requests
            #implementation
        };
    }
}

/// The hidden struct of a message's arguments.
fn method_ident(actor: &Actor, message: &Message) -> Ident {
    let variant = message.variant.as_ref().unwrap_or(&message.ident);
    format_ident!("__{}{}", actor.ty.ident, variant)
}

fn envelope_ident(actor: &Actor) -> Ident {
    format_ident!("__{}Envelope", actor.ty.ident)
}

/// `#[cfg]`s of a message: they are on everything that comes from it.
fn cfgs(message: &Message) -> TokenStream {
    let cfgs = message.attributes(&["cfg"]);
    quote!(#(#cfgs)*)
}

/// The user's docs, or one line of our own.
fn docs(attributes: &[&syn::Attribute], otherwise: &str) -> TokenStream {
    if attributes.is_empty() {
        quote!(#[doc = #otherwise])
    } else {
        quote!(#(#attributes)*)
    }
}

/// The type that a parameter has while its message waits.
fn held_type(param: &Param) -> TokenStream {
    let ty = &param.ty;
    match &param.kind {
        ParamKind::Archived(ty) => quote!(::quorate::Archive<#ty>),
        ParamKind::Text => quote!(::quorate::message::Text),
        ParamKind::Bytes => quote!(::quorate::message::Bytes),
        _ => quote!(#ty),
    }
}

/// The type that a parameter has in the tuple of arguments. In an actor whose messages travel it goes through a wrapper, so that an argument that
/// cannot travel is one error, at its own type, and not one for each use of the tuple.
fn carried_type(actor: &Actor, message: &Message, index: usize, param: &Param) -> TokenStream {
    if actor.shape.local {
        return held_type(param);
    }
    let method = method_ident(actor, message);
    let ty = &actor.ty;
    quote!(::quorate::__private::Carried<#method<#ty>, #index>)
}

/// The tuple of arguments.
fn tuple_type(actor: &Actor, message: &Message) -> TokenStream {
    let types = message
        .arguments()
        .enumerate()
        .map(|(index, param)| carried_type(actor, message, index, param));
    quote!((#(#types,)*))
}

/// The tuple made of values, or taken apart into them.
fn tuple(actor: &Actor, values: &[Ident]) -> TokenStream {
    if actor.shape.local {
        quote!((#(#values,)*))
    } else {
        quote!((#(::quorate::__private::Carried(#values),)*))
    }
}

/// Names for the arguments that meet no name of the user's.
fn values(message: &Message) -> Vec<Ident> {
    let span = proc_macro2::Span::mixed_site();
    (0..message.arguments().count())
        .map(|index| format_ident!("value{index}", span = span))
        .collect()
}

/// The variant of an enum with the message's fields set to `values`.
fn variant_with(message: &Message, values: &[Ident]) -> TokenStream {
    let variant = &message.variant;
    if values.is_empty() {
        return quote!(#variant);
    }
    let fields = message.arguments().map(|param| &param.name);
    quote!(#variant { #(#fields: #values),* })
}
