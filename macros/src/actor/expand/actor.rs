//! `impl Actor`: the dispatch of messages and hooks, the table of what may come over the wire.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;

use super::super::model::{Actor, Hook, Message, ParamKind};
use super::{cfgs, envelope_ident, method, tuple, values, variant_with};
use crate::attr::duration_tokens;

pub(super) fn expand(actor: &Actor) -> TokenStream {
    let ty = &actor.ty;
    let (message, handle, envelope) = (ty.named("Message"), ty.named("Handle"), envelope_ident(actor));
    let name = if let Some(name) = &actor.shape.name {
        quote!(#name)
    } else {
        let text = format!("::{}", ty.ident.unraw());
        quote!(::core::concat!(::core::env!("CARGO_PKG_NAME"), #text))
    };
    let wire = if actor.shape.local {
        quote!(::core::option::Option::None)
    } else {
        let methods = actor
            .messages
            .iter()
            .map(|message| method::incoming(actor, message));
        quote!(::core::option::Option::Some(::quorate::__private::ActorWire { methods: &[#(#methods),*] }))
    };
    let names = actor
        .messages
        .iter()
        .map(|message| message.ident.unraw().to_string());
    let policy = quote_spanned!(ty.ident.span()=> <#ty as ::quorate::ActorPolicy>::POLICY);
    let (handle_fn, conversions, hooks) = (handle_fn(actor), conversions(actor), hooks(actor));
    quote! {
        impl ::quorate::Actor for #ty {
            type Message = #message;
            type Envelope = #envelope;
            type Handle = #handle;
            const NAME: &'static str = #name;
            const WIRE: ::core::option::Option<::quorate::__private::ActorWire<Self>> = #wire;
            const POLICY: ::quorate::Policy = #policy;
            const METHODS: &'static [&'static str] = &[#(#names),*];
            #handle_fn
            #conversions
            #hooks
        }
    }
}

fn handle_fn(actor: &Actor) -> TokenStream {
    let envelope = envelope_ident(actor);
    let kinds = actor.messages.iter().map(|message| {
        let (cfgs, variant, is_async) = (cfgs(message), &message.variant, is_async(message));
        quote!(#cfgs #envelope::#variant { .. } => #is_async,)
    });
    let arms = |wanted: bool| {
        let of_kind = actor
            .messages
            .iter()
            .filter(move |message| is_async(message) == wanted);
        of_kind.map(|message| handle_arm(actor, message))
    };
    let (waiting, now) = (arms(true), arms(false));
    quote! {
        fn is_async(envelope: &#envelope) -> bool {
            match *envelope { #(#kinds)* }
        }

        #[allow(unreachable_patterns, unused_variables)]
        fn handle_now(&mut self, envelope: #envelope, cx: &mut ::quorate::Context<Self>) {
            match envelope {
                #(#now)*
                _ => {}
            }
        }

        #[allow(unreachable_patterns, unused_variables)]
        async fn handle(&mut self, envelope: #envelope, cx: &mut ::quorate::Context<Self>) {
            match envelope {
                #(#waiting)*
                _ => {}
            }
        }
    }
}

pub(super) fn is_async(message: &Message) -> bool {
    message.input.sig.asyncness.is_some()
}

fn handle_arm(actor: &Actor, message: &Message) -> TokenStream {
    let (cfgs, envelope) = (cfgs(message), envelope_ident(actor));
    let (variant, method) = (&message.variant, &message.ident);
    let pattern = tuple(actor, &values(message));
    let wait = message.input.sig.asyncness.map(|_| quote!(.await));
    let call = call(actor, message, &quote!(self));
    let call = quote!(#call #wait);
    let answer = if message.port().is_some() {
        quote!(#call;)
    } else if message.is_fallible() {
        let name = method.unraw().to_string();
        quote!(let reply = #call; port.finish_result(<Self as ::quorate::Actor>::NAME, #name, reply);)
    } else {
        quote!(let reply = #call; port.send(reply);)
    };
    quote! {
        #cfgs
        #envelope::#variant { args, port } => {
            let #pattern = args;
            #answer
        }
    }
}

/// The call of the user's method, with the arguments that the tuple held, `cx` and `port`.
pub(super) fn call(actor: &Actor, message: &Message, receiver: &TokenStream) -> TokenStream {
    let (ty, method, values) = (&actor.ty, &message.ident, values(message));
    let mut waiting = values.iter();
    let arguments = message.params.iter().map(|param| match param.kind {
        ParamKind::Context => quote!(cx),
        ParamKind::Port(_) => quote!(port),
        ParamKind::Archived(_) | ParamKind::Text | ParamKind::Bytes => {
            let value = waiting.next();
            quote!(&*#value)
        }
        ParamKind::Owned | ParamKind::Borrowed => {
            let value = waiting.next();
            quote!(#value)
        }
    });
    quote!(<#ty>::#method(#receiver, #(#arguments),*))
}

/// Between the message and the envelope.
fn conversions(actor: &Actor) -> TokenStream {
    let (enum_ident, envelope) = (actor.ty.named("Message"), envelope_ident(actor));
    let mut into = Vec::new();
    let mut from = Vec::new();
    let mut ports = Vec::new();
    let mut indices = Vec::new();
    for (index, message) in actor.messages.iter().enumerate() {
        let (cfgs, variant, values) = (cfgs(message), &message.variant, values(message));
        let fields = variant_with(message, &values);
        let pattern = tuple(actor, &values);
        into.push(quote! {
            #cfgs
            #envelope::#variant { args, .. } => { let #pattern = args; #enum_ident::#fields }
        });
        from.push(quote! {
            #cfgs
            #enum_ident::#fields => #envelope::#variant { args: #pattern, port: ::quorate::ReplyPort::none() },
        });
        ports.push(quote!(#cfgs #envelope::#variant { ref mut port, .. } => port,));
        indices.push(quote!(#cfgs #envelope::#variant { .. } => #index,));
    }
    quote! {
        fn into_message(envelope: #envelope) -> #enum_ident {
            match envelope { #(#into)* }
        }

        fn from_message(message: #enum_ident) -> #envelope {
            match message { #(#from)* }
        }

        fn port(envelope: &mut #envelope) -> &mut dyn ::quorate::__private::Port {
            match *envelope { #(#ports)* }
        }

        fn method_index(envelope: &#envelope) -> usize {
            match *envelope { #(#indices)* }
        }
    }
}

fn hooks(actor: &Actor) -> TokenStream {
    let hooks = &actor.hooks;
    let stopped = hooks.stopped.as_ref().map(|hook| {
        let call = hook_call(actor, hook, &local("reason"));
        quote! {
            async fn stopped(&mut self, reason: &::quorate::ExitReason, cx: &mut ::quorate::Context<Self>) { #call }
        }
    });
    let down = hooks.down.as_ref().map(|hook| {
        let call = hook_call(actor, hook, &local("down"));
        quote! {
            async fn down(&mut self, down: ::quorate::Down, cx: &mut ::quorate::Context<Self>) { #call }
        }
    });
    let info = hooks.info.as_ref().map(|hook| {
        let call = hook_call(actor, hook, &local("info"));
        quote! {
            async fn info(&mut self, info: ::quorate::Info, cx: &mut ::quorate::Context<Self>) { #call }
        }
    });
    let continued = hooks.continued.as_ref().map(|hook| {
        let call = hook_call(actor, hook, &local("continued"));
        quote! {
            async fn continued(&mut self, cx: &mut ::quorate::Context<Self>) { #call }
        }
    });
    let undelivered = hooks.undelivered.as_ref().map(|hook| {
        let (ty, ident, message) = (&actor.ty, &hook.ident, actor.ty.named("Message"));
        quote! {
            fn undelivered(message: #message) { <#ty>::#ident(message); }
        }
    });
    let has_stopped = hooks.stopped.is_none().then(|| {
        quote!(
            const STOPPED: bool = false;
        )
    });
    let ticks = (!hooks.ticks.is_empty()).then(|| ticks(actor));
    quote!(#has_stopped #stopped #down #info #continued #undelivered #ticks)
}

fn ticks(actor: &Actor) -> TokenStream {
    let periods = actor
        .hooks
        .ticks
        .iter()
        .map(|(_, period)| duration_tokens(*period));
    let arms = actor.hooks.ticks.iter().enumerate().map(|(index, (hook, _))| {
        let call = hook_call(actor, hook, &local("index"));
        quote!(#index => { #call })
    });
    quote! {
        const TICKS: &'static [::core::time::Duration] = &[#(#periods),*];

        async fn tick(&mut self, index: usize, cx: &mut ::quorate::Context<Self>) {
            match index {
                #(#arms)*
                _ => {}
            }
        }
    }
}

/// The call of a hook with what it asks for: `event`, the context, or neither.
fn hook_call(actor: &Actor, hook: &Hook, event: &Ident) -> TokenStream {
    let (ty, ident, wait) = (&actor.ty, &hook.ident, hook.wait());
    let arguments = hook.params.iter().map(|param| {
        if matches!(param.kind, ParamKind::Context) {
            quote!(cx)
        } else {
            quote!(#event)
        }
    });
    quote!(<#ty>::#ident(self, #(#arguments),*) #wait;)
}

fn local(name: &str) -> Ident {
    format_ident!("{name}", span = Span::call_site())
}
