//! `spec` and `spec_with`: how the actor is started, from its `#[init]` or its `Default`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use super::super::model::{Actor, Hook, ParamKind};
use super::quiet;

pub(super) fn expand(actor: &Actor) -> TokenStream {
    let (ty, name, cfgs, quiet) = (&actor.ty, &actor.ty.ident, &actor.cfgs, quiet());
    if actor.has_own_spec {
        return TokenStream::new();
    }
    let spec = match &actor.hooks.init {
        Some(init) => from_init(actor, init),
        None => from_default(actor),
    };
    let only_one = only_one(actor);
    let doc = format!("The spec of a [`{name}`] that `start` makes, at first and at every restart.");
    quote! {
        #(#cfgs)*
        #quiet
        impl #ty {
            #only_one

            #spec

            #[doc = #doc]
            pub fn spec_with<F, S>(start: F) -> ::quorate::ChildSpec<#ty>
            where
                F: ::core::ops::Fn() -> S + ::core::marker::Send + ::core::marker::Sync + 'static,
                S: ::quorate::IntoStart<#ty>,
            {
                ::quorate::ChildSpec::new(start)
            }
        }
    }
}

/// A second annotated impl cannot be seen from the first, but what is in both of them meets: rustc then says this name.
fn only_one(actor: &Actor) -> TokenStream {
    quote_spanned! {actor.ty.ident.span()=>
        #[doc(hidden)]
        #[allow(non_upper_case_globals)]
        const one_actor_impl_only__write_a_plain_impl_for_the_rest: () = ();
    }
}

fn from_default(actor: &Actor) -> TokenStream {
    let ty = &actor.ty;
    let doc = format!(
        "The spec of a [`{}`] that starts as its default, with the policy of its annotation.",
        ty.ident
    );
    // The lifetime keeps rustc from judging the bound here: an actor without `Default` may do with `spec_with`.
    quote! {
        #[doc = #doc]
        #[inline]
        pub fn spec() -> ::quorate::ChildSpec<#ty>
        where
            #ty: for<'a> ::quorate::__private::StartsAsDefault<'a>,
        {
            ::quorate::ChildSpec::new(<#ty as ::quorate::__private::StartsAsDefault<'_>>::start)
        }
    }
}

fn from_init(actor: &Actor, init: &Hook) -> TokenStream {
    let (ty, ident, wait, docs) = (&actor.ty, &init.ident, init.wait(), &init.docs);
    let doc = format!(
        "The spec of a [`{}`], with the policy of its annotation. Each start is given a clone of the arguments.",
        ty.ident
    );
    let more = (!docs.is_empty()).then(|| quote!(#[doc = ""] #(#docs)*));
    let mut params = Vec::new();
    let mut clones = Vec::new();
    let mut arguments = Vec::new();
    for (index, param) in init.params.iter().enumerate() {
        if matches!(param.kind, ParamKind::Context) {
            arguments.push(quote!(cx));
            continue;
        }
        let (name, ty) = (&param.name, &param.ty);
        let value = format_ident!("value{index}", span = proc_macro2::Span::mixed_site());
        params.push(quote!(#name: #ty));
        clones.push(quote_spanned!(ty.span()=> let #value = ::core::clone::Clone::clone(&#name);));
        arguments.push(quote!(#value));
    }
    let start = quote!(::quorate::IntoStart::into_start(<#ty>::#ident(#(#arguments),*) #wait));
    let spec = if wait.is_some() {
        quote!(with_context_async(move |cx| { #(#clones)* ::std::boxed::Box::pin(async move { #start }) }))
    } else {
        quote!(with_context(move |cx| { #(#clones)* #start }))
    };
    quote! {
        #[doc = #doc]
        #more
        #[inline]
        pub fn spec(#(#params),*) -> ::quorate::ChildSpec<#ty> {
            ::quorate::ChildSpec::#spec
        }
    }
}
