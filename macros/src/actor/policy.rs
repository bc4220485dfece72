//! `#[actor(...)]` on the struct: the policy, which is only constants.
//!
//! ```text
//! restart = permanent | transient | temporary      permanent
//! shutdown = "5s" | kill | infinity                5 s
//! mailbox = 1024                                   at least 1
//! in_place = auto | on | off                       auto
//! hibernate_after = "30s"                          never
//! backoff = "100ms..10s"                           none
//! jitter = 20                                      percent of a wait, none
//! ```

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{Attribute, Expr, Generics, Ident, ItemStruct};

use crate::attr::{self, Arg, duration_tokens};
use crate::diag::Problems;
use crate::fallback;

/// The keys of a policy.
pub(super) const KEYS: &[&str] = &[
    "restart",
    "shutdown",
    "mailbox",
    "in_place",
    "hibernate_after",
    "backoff",
    "jitter",
];

/// Keys of the other half of the annotation, which stands on the impl.
const KEYS_OF_IMPL: &[&str] = &["local", "remote", "name"];

/// What the keys that a struct and a child share say.
#[derive(Default)]
pub(crate) struct Policy {
    pub(crate) restart: Option<TokenStream>,
    pub(crate) shutdown: Option<TokenStream>,
    pub(crate) mailbox: Option<TokenStream>,
    in_place: Option<TokenStream>,
    hibernate_after: Option<TokenStream>,
    pub(crate) backoff: Option<TokenStream>,
    jitter: Option<Expr>,
}

impl Policy {
    /// Takes one argument. False when the key is none of a policy's.
    pub(crate) fn take(&mut self, arg: &Arg, problems: &mut Problems) -> bool {
        match arg.key().as_str() {
            "restart" => self.restart = restart(arg, problems),
            "shutdown" => self.shutdown = shutdown(arg, problems),
            "mailbox" => {
                let count = arg.count(1, "mailbox = 1024", problems);
                self.mailbox = count.map(|count| quote!(#count));
            }
            "in_place" => self.in_place = in_place(arg, problems),
            "hibernate_after" => {
                let idle = arg.duration(problems).map(duration_tokens);
                self.hibernate_after = idle.map(|idle| quote!(::core::option::Option::Some(#idle)));
            }
            "backoff" => self.backoff = backoff(arg, problems),
            "jitter" => self.jitter = arg.count(1, "jitter = 20", problems),
            _ => return false,
        }
        true
    }

    /// Notes what does not go together.
    pub(crate) fn check(&self, problems: &mut Problems) {
        if let (Some(jitter), None) = (&self.jitter, &self.backoff) {
            problems.at(
                jitter,
                "`jitter` shortens the waits of a back-off: write `backoff = \"100ms..10s\"` too",
            );
        }
    }

    /// What is said, each by the name of its field in `quorate::Policy`.
    pub(crate) fn said(&self) -> impl Iterator<Item = (Ident, TokenStream)> {
        let jitter = self.jitter.as_ref().map(|percent| quote!(.jitter(#percent)));
        let backoff = self.backoff.as_ref();
        let fields = [
            ("restart", self.restart.clone()),
            ("shutdown", self.shutdown.clone()),
            ("mailbox", self.mailbox.clone()),
            ("in_place", self.in_place.clone()),
            ("hibernate_after", self.hibernate_after.clone()),
            (
                "backoff",
                backoff.map(|backoff| quote!(::core::option::Option::Some(#backoff #jitter))),
            ),
        ];
        fields
            .into_iter()
            .filter_map(|(name, value)| Some((format_ident!("{name}"), value?)))
    }
}

/// Expands the annotation on a struct or an enum.
pub(crate) fn expand(args: TokenStream, item: &TokenStream) -> TokenStream {
    let target: Target = match syn::parse2(item.clone()) {
        Ok(target) => target,
        Err(error) => return fallback::unreadable(item, error),
    };
    let mut problems = Problems::default();
    if let Some(param) = target.generics.params.first() {
        problems.at(
            param,
            "an actor is not generic: write the type, one actor for each",
        );
        return fallback::verbatim(item, problems);
    }
    let mut policy = Policy::default();
    for arg in attr::split(args, &mut problems) {
        if policy.take(&arg, &mut problems) {
            continue;
        }
        if KEYS_OF_IMPL.contains(&arg.key().as_str()) {
            problems.at(
                arg.key_tokens(),
                format!("`{}` is about the messages: write it on the impl", arg.key()),
            );
        } else {
            arg.unknown("`#[actor]` on a struct", KEYS, &mut problems);
        }
    }
    policy.check(&mut problems);
    let errors = problems.into_tokens();
    let (cfgs, ident): (Vec<_>, _) = (target.cfgs().collect(), &target.ident);
    let (names, values): (Vec<_>, Vec<_>) = policy.said().unzip();
    let check = quote_spanned!(ident.span()=> ::quorate::__private::expect_actor::<#ident>);
    quote! {
        #errors
        #item

        #(#cfgs)*
        #[allow(clippy::needless_update)]
        impl ::quorate::ActorPolicy for #ident {
            const POLICY: ::quorate::Policy = ::quorate::Policy { #(#names: #values,)* ..::quorate::Policy::DEFAULT };
        }

        #(#cfgs)*
        const _: fn() = #check;
    }
}

fn restart(arg: &Arg, problems: &mut Problems) -> Option<TokenStream> {
    let word = arg.word(&["permanent", "transient", "temporary"], problems)?;
    Some(match word.to_string().as_str() {
        "transient" => quote!(::quorate::Restart::Transient),
        "temporary" => quote!(::quorate::Restart::Temporary),
        _ => quote!(::quorate::Restart::Permanent),
    })
}

fn in_place(arg: &Arg, problems: &mut Problems) -> Option<TokenStream> {
    let word = arg.word(&["auto", "on", "off"], problems)?;
    Some(match word.to_string().as_str() {
        "on" => quote!(::quorate::InPlace::On),
        "off" => quote!(::quorate::InPlace::Off),
        _ => quote!(::quorate::InPlace::Auto),
    })
}

fn shutdown(arg: &Arg, problems: &mut Problems) -> Option<TokenStream> {
    Some(match arg.duration_or_word(&["kill", "infinity"], problems)? {
        Ok(duration) => {
            let duration = duration_tokens(duration);
            quote!(::quorate::Shutdown::After(#duration))
        }
        Err(word) if word == "kill" => quote!(::quorate::Shutdown::Kill),
        Err(_) => quote!(::quorate::Shutdown::Infinity),
    })
}

fn backoff(arg: &Arg, problems: &mut Problems) -> Option<TokenStream> {
    let (min, max) = arg.range(problems)?;
    let (min, max) = (duration_tokens(min), duration_tokens(max));
    Some(quote!(::quorate::Backoff::new(#min, #max)))
}

/// The parts of a struct or an enum that matter here.
struct Target {
    attrs: Vec<Attribute>,
    ident: Ident,
    generics: Generics,
}

impl Target {
    fn cfgs(&self) -> impl Iterator<Item = &Attribute> {
        self.attrs
            .iter()
            .filter(|attribute| attribute.path().is_ident("cfg"))
    }
}

impl syn::parse::Parse for Target {
    fn parse(input: syn::parse::ParseStream<'_>) -> syn::Result<Self> {
        if input.fork().parse::<syn::ItemEnum>().is_ok() {
            let item: syn::ItemEnum = input.parse()?;
            return Ok(Self {
                attrs: item.attrs,
                ident: item.ident,
                generics: item.generics,
            });
        }
        let item: ItemStruct = input.parse()?;
        Ok(Self {
            attrs: item.attrs,
            ident: item.ident,
            generics: item.generics,
        })
    }
}
