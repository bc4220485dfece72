//! The hidden types: the envelope, and for each message the struct of its arguments with its two ways over the wire.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;

use super::super::model::{Actor, Message};
use super::actor::{call, is_async};
use super::{cfgs, envelope_ident, held_type, method_ident, tuple, tuple_type, values};

/// The enum that lies in the mailbox.
pub(super) fn envelope(actor: &Actor) -> TokenStream {
    let envelope = envelope_ident(actor);
    let variants = actor.messages.iter().map(|message| {
        let (cfgs, variant, args, reply) = (
            cfgs(message),
            &message.variant,
            tuple_type(actor, message),
            message.reply(),
        );
        quote!(#cfgs #variant { args: #args, port: ::quorate::ReplyPort<#reply> })
    });
    quote! {
        #[doc(hidden)]
        pub enum #envelope {
            #(#variants,)*
        }
    }
}

/// The struct of one message and its impls. It has the actor for a parameter, so that its impls are no more visible than the
/// actor is, and may name it and the types of its messages.
pub(super) fn expand(actor: &Actor, index: usize, message: &Message) -> TokenStream {
    let ty = &actor.ty;
    let (cfgs, vis, method, args) = (
        cfgs(message),
        &message.vis,
        method_ident(actor, message),
        tuple_type(actor, message),
    );
    let (envelope, variant, reply) = (envelope_ident(actor), &message.variant, message.reply());
    let name = message.ident.unraw().to_string();
    let wire = if actor.shape.local {
        quote!(::core::option::Option::None)
    } else {
        outgoing(actor, &name)
    };
    let carried = if actor.shape.local {
        TokenStream::new()
    } else {
        carried(actor, message)
    };
    let runs_now = runs_now(actor, message);
    quote! {
        #cfgs
        #[doc(hidden)]
        #vis struct #method<A> {
            args: #args,
            of: ::core::marker::PhantomData<fn() -> A>,
        }

        #cfgs
        impl ::quorate::__private::Method for #method<#ty> {
            type Actor = #ty;
            type Reply = #reply;
            const NAME: &'static str = #name;
            const INDEX: usize = #index;
            const WIRE: ::core::option::Option<::quorate::__private::MethodWire<Self>> = #wire;
            #runs_now

            fn into_envelope(self, port: ::quorate::ReplyPort<#reply>) -> #envelope {
                #envelope::#variant { args: self.args, port }
            }

            fn from_envelope(envelope: #envelope) -> ::core::option::Option<Self> {
                match envelope {
                    #envelope::#variant { args, .. } => {
                        ::core::option::Option::Some(Self { args, of: ::core::marker::PhantomData })
                    }
                    _ => ::core::option::Option::None,
                }
            }
        }

        #carried
    }
}

/// How a caller runs the method in place: when it is not async, and answers with what it returns.
fn runs_now(actor: &Actor, message: &Message) -> TokenStream {
    if is_async(message) || message.port().is_some() {
        return TokenStream::new();
    }
    let (ty, reply, pattern) = (&actor.ty, message.reply(), tuple(actor, &values(message)));
    let call = call(actor, message, &quote!(actor));
    quote! {
        const RUNS_NOW: bool = true;

        #[inline]
        fn run(self, actor: &mut #ty, cx: &mut ::quorate::Context<#ty>) -> ::core::result::Result<#reply, Self> {
            let #pattern = self.args;
            ::core::result::Result::Ok(#call)
        }
    }
}

/// Says of each argument, and of the reply, that it travels.
fn carried(actor: &Actor, message: &Message) -> TokenStream {
    let ty = &actor.ty;
    let (cfgs, method, reply) = (cfgs(message), method_ident(actor, message), message.reply());
    let args = tuple_type(actor, message);
    let arguments = message.arguments().enumerate().map(|(index, param)| {
        let held = held_type(param);
        quote! {
            #cfgs
            impl ::quorate::__private::Carries<#index> for #method<#ty> {
                type Argument = #held;
            }
        }
    });
    quote! {
        #(#arguments)*

        #cfgs
        impl ::quorate::__private::Takes for #method<#ty> {
            type Arguments = #args;
        }

        #cfgs
        impl ::quorate::__private::Replies for #method<#ty> {
            type Wire = #reply;
        }
    }
}

fn outgoing(actor: &Actor, name: &str) -> TokenStream {
    let ids = ids(actor, name, &quote!(Self));
    quote! {
        ::core::option::Option::Some(::quorate::__private::MethodWire {
            #ids
            encode: |method, buf| ::quorate::__private::Arguments::encode(&method.args, buf),
            decode_reply: ::quorate::__private::decode_reply_of::<Self>,
        })
    }
}

/// The entry of the actor's table of messages.
pub(super) fn incoming(actor: &Actor, message: &Message) -> TokenStream {
    let ty = &actor.ty;
    let (cfgs, method, envelope, variant) = (
        cfgs(message),
        method_ident(actor, message),
        envelope_ident(actor),
        &message.variant,
    );
    let name = message.ident.unraw().to_string();
    let ids = ids(actor, &name, &quote!(#method<#ty>));
    quote! {
        #cfgs
        ::quorate::__private::IncomingMethod {
            name: #name,
            #ids
            decode: |body, port| {
                ::core::result::Result::Ok(#envelope::#variant {
                    args: ::quorate::__private::Arguments::decode(&body)?,
                    port: ::quorate::ReplyPort::remote(port, ::quorate::__private::encode_reply_of::<#method<#ty>>),
                })
            },
        }
    }
}

/// What both sides must agree on.
fn ids(actor: &Actor, name: &str, method: &TokenStream) -> TokenStream {
    let ty = &actor.ty;
    quote! {
        id: ::quorate::wire::shape::message_id(<#ty as ::quorate::Actor>::NAME, #name),
        shape: ::quorate::wire::shape::message_shape(
            <<#method as ::quorate::__private::Takes>::Arguments as ::quorate::__private::Arguments>::SHAPE,
            <#method as ::quorate::__private::Replies>::SHAPE,
        ),
    }
}
