//! The code that one `#[supervisor]` becomes: the handle with a ref for each child, `spec`, and the actor that it is to the framework.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use super::model::{Child, Supervisor};
use crate::actor::quiet;
use crate::attr::duration_tokens;

/// Everything but the user's own struct.
pub(super) fn expand(supervisor: &Supervisor) -> TokenStream {
    let handle = handle(supervisor);
    let spec = spec(supervisor);
    let implementation = implementation(supervisor);
    quote!(#handle #spec #implementation)
}

fn handle(supervisor: &Supervisor) -> TokenStream {
    let Supervisor {
        vis,
        ident,
        cfgs,
        children,
        ..
    } = supervisor;
    let (handle, quiet) = (handle_ident(supervisor), quiet());
    let doc = format!("The children of a [`{ident}`]: what an `ActorRef<{ident}>` derefs to.");
    let fields = children.iter().map(|child| {
        let (vis, name, ty, docs) = (&child.field.vis, &child.name, &child.field.ty, docs(child));
        let child = quote_spanned!(ty.span()=> ::quorate::ActorRef<#ty>);
        quote!(#docs #vis #name: #child)
    });
    quote! {
        #(#cfgs)*
        #[doc = #doc]
        #quiet
        #[derive(Clone)]
        #vis struct #handle {
            __raw: ::quorate::RawRef<#ident>,
            #(#fields,)*
        }
    }
}

fn docs(child: &Child) -> TokenStream {
    if !child.docs.is_empty() {
        let docs = &child.docs;
        return quote!(#(#docs)*);
    }
    let doc = format!("The child `{}`.", id(child));
    quote!(#[doc = #doc])
}

fn spec(supervisor: &Supervisor) -> TokenStream {
    let Supervisor {
        ident,
        cfgs,
        children,
        ..
    } = supervisor;
    let quiet = quiet();
    let doc = format!(
        "The spec of a [`{ident}`]: the specs of its children, in the order in which they are started."
    );
    let params = children.iter().filter(|child| !child.is_default).map(|child| {
        let (name, ty) = (&child.name, &child.field.ty);
        let spec = quote_spanned!(ty.span()=> impl ::quorate::Spec<Actor = #ty> + 'static);
        quote!(#name: #spec)
    });
    let adder = Ident::new("children", Span::mixed_site());
    let refs = nested(children.iter().map(|child| add(child, &adder)));
    quote! {
        #(#cfgs)*
        #quiet
        impl #ident {
            #[doc = #doc]
            pub fn spec(#(#params),*) -> ::quorate::supervision::SupervisorSpec<#ident> {
                ::quorate::supervision::SupervisorSpec::new(move |#adder| ::core::result::Result::Ok(#refs))
            }
        }
    }
}

/// Adds one child, with what its `#[child]` says of it.
fn add(child: &Child, adder: &Ident) -> TokenStream {
    let (id, ty) = (id(child), &child.field.ty);
    let spec = match &child.name {
        Some(name) if !child.is_default => quote!(#name),
        _ => quote!(<#ty>::spec()),
    };
    let local = Ident::new("spec", Span::mixed_site());
    let overrides = child
        .policy
        .said()
        .chain(
            child
                .significant
                .iter()
                .map(|_| (format_ident!("significant"), quote!(true))),
        )
        .map(|(field, value)| quote!(::quorate::Spec::policy_mut(&mut #local).#field = #value;));
    let max_children = child
        .max_children
        .iter()
        .map(|(_, count)| quote!(let #local = #local.max_children(#count);));
    quote! {
        {
            let #local = #spec;
            #(#max_children)*
            let mut #local = #local;
            #(#overrides)*
            #adder.add(#id, #local)?
        }
    }
}

fn implementation(supervisor: &Supervisor) -> TokenStream {
    let Supervisor {
        ident,
        cfgs,
        children,
        ..
    } = supervisor;
    let (handle, quiet, flags) = (handle_ident(supervisor), quiet(), flags(supervisor));
    let wire_name = format!("::{}", ident.unraw());
    let names: Vec<_> = children.iter().map(|child| &child.name).collect();
    let refs: Vec<_> = (0..children.len())
        .map(|index| format_ident!("child{index}", span = Span::mixed_site()))
        .collect();
    let pattern = nested(refs.iter().map(|name| quote!(#name)));
    quote! {
        #(#cfgs)*
        #quiet
        const _: () = {
            impl ::quorate::ActorHandle<#ident> for #handle {
                fn from_raw(raw: ::quorate::RawRef<#ident>) -> Self {
                    let #pattern = raw.children();
                    Self { __raw: raw, #(#names: #refs),* }
                }

                fn raw(&self) -> &::quorate::RawRef<#ident> {
                    &self.__raw
                }
            }

            impl ::quorate::supervision::Supervisor for #ident {
                const FLAGS: ::quorate::supervision::Flags = #flags;
            }

            impl ::quorate::Actor for #ident {
                type Message = ::quorate::supervision::SupervisorMessage;
                type Envelope = ::quorate::supervision::SupervisorMessage;
                type Handle = #handle;
                const POLICY: ::quorate::Policy = ::quorate::Policy::DEFAULT;
                const NAME: &'static str = ::core::concat!(::core::env!("CARGO_PKG_NAME"), #wire_name);
                const WIRE: ::core::option::Option<::quorate::__private::ActorWire<Self>> = ::core::option::Option::None;

                fn is_async(_: &Self::Message) -> bool {
                    false
                }

                fn handle_now(&mut self, message: Self::Message, _: &mut ::quorate::Context<Self>) {
                    match message {
                        _ => {}
                    }
                }

                async fn handle(&mut self, _: Self::Message, _: &mut ::quorate::Context<Self>) {}

                fn into_message(message: Self::Message) -> Self::Message {
                    message
                }

                fn from_message(message: Self::Message) -> Self::Message {
                    message
                }

                fn port(message: &mut Self::Message) -> &mut dyn ::quorate::__private::Port {
                    message.port()
                }
            }
        };
    }
}

fn flags(supervisor: &Supervisor) -> TokenStream {
    let strategy = supervisor.strategy.as_ref().map(|strategy| {
        let strategy = camel(strategy);
        quote!(strategy: ::quorate::supervision::Strategy::#strategy,)
    });
    let auto_shutdown = supervisor.auto_shutdown.as_ref().map(|auto_shutdown| {
        let auto_shutdown = camel(auto_shutdown);
        quote!(auto_shutdown: ::quorate::supervision::AutoShutdown::#auto_shutdown,)
    });
    let intensity = supervisor
        .intensity
        .as_ref()
        .map(|count| quote!(intensity: #count,));
    let period = supervisor.period.map(|period| {
        let period = duration_tokens(period);
        quote!(period: #period,)
    });
    quote!(::quorate::supervision::Flags { #strategy #intensity #period #auto_shutdown ..::quorate::supervision::Flags::DEFAULT })
}

/// `one_for_all` as the variant that it names.
fn camel(word: &Ident) -> Ident {
    let text: String = word
        .to_string()
        .split('_')
        .flat_map(|part| {
            let mut letters = part.chars();
            let first = letters.next().map(|letter| letter.to_ascii_uppercase());
            first.into_iter().chain(letters)
        })
        .collect();
    Ident::new(&text, Span::call_site())
}

/// `(a, (b, ()))`: a tuple of any length that is `Clone`.
fn nested(items: impl DoubleEndedIterator<Item = TokenStream>) -> TokenStream {
    items.rev().fold(quote!(()), |rest, item| quote!((#item, #rest)))
}

fn handle_ident(supervisor: &Supervisor) -> Ident {
    format_ident!("{}Handle", supervisor.ident)
}

fn id(child: &Child) -> String {
    child
        .name
        .as_ref()
        .map(|name| name.unraw().to_string())
        .unwrap_or_default()
}
