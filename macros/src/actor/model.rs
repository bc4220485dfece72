//! What the annotated impl means: its messages, its hooks, its start.
//!
//! Every node keeps the tokens that it came from, so that a problem points at them. Nothing is refused here: a parameter that no
//! message can have is modelled as what it is, and [`validate`](super::validate) says so.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident};
use syn::{
    Attribute, FnArg, GenericArgument, LitStr, Pat, PathArguments, Receiver, ReturnType, Type, Visibility,
};

use super::names;
use super::parse::MethodInput;
use super::self_type::SelfType;

/// The arguments of `#[actor]` on the impl.
#[derive(Default)]
pub(crate) struct Shape {
    /// `local`: the messages never leave the node.
    pub(crate) local: bool,
    /// `name = "..."`: the name on the wire, else `package::Type`.
    pub(crate) name: Option<LitStr>,
}

/// The annotated impl.
pub(crate) struct Actor {
    pub(crate) shape: Shape,
    pub(crate) ty: SelfType,
    /// `#[cfg]`s of the impl.
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) messages: Vec<Message>,
    pub(crate) hooks: Hooks,
    /// Whether the impl has a function named `spec` or `spec_with`: refused, and then not generated.
    pub(crate) has_own_spec: bool,
}

/// A method that is a message.
pub(crate) struct Message {
    pub(crate) input: MethodInput,
    pub(crate) ident: Ident,
    pub(crate) variant: Option<Ident>,
    pub(crate) vis: Visibility,
    pub(crate) params: Vec<Param>,
    /// The declared return type, `()` when none is.
    pub(crate) output: Type,
}

/// A parameter behind the receiver.
pub(crate) struct Param {
    /// The pattern's name, or `arg0` for a pattern without one.
    pub(crate) name: Ident,
    /// The type as written, `Self` replaced.
    pub(crate) ty: Type,
    pub(crate) kind: ParamKind,
    pub(crate) attrs: Vec<Attribute>,
}

/// What a parameter is to the message.
pub(crate) enum ParamKind {
    /// `cx: &mut Context<Self>`: not part of the message.
    Context,
    /// `reply: ReplyPort<T>`: not part of the message; `T` is the reply.
    Port(Type),
    /// An owned value.
    Owned,
    /// `&Archived<T>`: read in place.
    Archived(Type),
    /// `&str`: read in place.
    Text,
    /// `&[u8]`: read in place.
    Bytes,
    /// Any other reference.
    Borrowed,
}

/// Methods that are no messages but called by the framework.
#[derive(Default)]
pub(crate) struct Hooks {
    pub(crate) init: Option<Hook>,
    pub(crate) stopped: Option<Hook>,
    pub(crate) down: Option<Hook>,
    pub(crate) info: Option<Hook>,
    pub(crate) continued: Option<Hook>,
    pub(crate) undelivered: Option<Hook>,
    pub(crate) ticks: Vec<(Hook, std::time::Duration)>,
}

/// One such method.
pub(crate) struct Hook {
    pub(crate) ident: Ident,
    pub(crate) attribute: Attribute,
    pub(crate) is_async: bool,
    pub(crate) receiver: Option<Receiver>,
    pub(crate) params: Vec<Param>,
    pub(crate) output: Type,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) cfg: Option<Attribute>,
    pub(crate) generics: syn::Generics,
}

impl Message {
    pub(crate) fn new(input: &MethodInput, ty: &SelfType) -> Self {
        Self {
            ident: input.sig.ident.clone(),
            variant: names::variant(&input.sig.ident),
            vis: input.vis.clone(),
            params: params(input, ty),
            output: output(input, ty),
            input: input.clone(),
        }
    }

    /// The parameters that are part of the message.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &Param> {
        self.params.iter().filter(|param| param.is_argument())
    }

    /// The port that answers later, where the method takes one.
    pub(crate) fn port(&self) -> Option<&Type> {
        self.params.iter().find_map(|param| match &param.kind {
            ParamKind::Port(reply) => Some(reply),
            _ => None,
        })
    }

    /// What a call is answered with.
    pub(crate) fn reply(&self) -> &Type {
        self.port().unwrap_or(&self.output)
    }

    /// Whether the method itself answers with a `Result`, whose error a cast would lose.
    pub(crate) fn is_fallible(&self) -> bool {
        last_segment(&self.output).is_some_and(|segment| segment.ident == "Result")
    }

    pub(crate) fn attributes(&self, names: &[&str]) -> Vec<&Attribute> {
        with_names(&self.input.attrs, names)
    }
}

impl Param {
    pub(crate) fn is_argument(&self) -> bool {
        !matches!(self.kind, ParamKind::Context | ParamKind::Port(_))
    }
}

impl Hook {
    pub(crate) fn new(input: &MethodInput, attribute: &Attribute, ty: &SelfType) -> Self {
        Self {
            ident: input.sig.ident.clone(),
            attribute: attribute.clone(),
            is_async: input.sig.asyncness.is_some(),
            receiver: input.sig.receiver().cloned(),
            params: params(input, ty),
            output: output(input, ty),
            docs: with_names(&input.attrs, &["doc"]).into_iter().cloned().collect(),
            cfg: with_names(&input.attrs, &["cfg"]).into_iter().next().cloned(),
            generics: input.sig.generics.clone(),
        }
    }

    /// `.await` for an async method.
    pub(crate) fn wait(&self) -> Option<TokenStream> {
        self.is_async.then(|| quote::quote!(.await))
    }
}

/// The attributes among `attrs` that have one of these names.
pub(crate) fn with_names<'a>(attrs: &'a [Attribute], names: &[&str]) -> Vec<&'a Attribute> {
    attrs
        .iter()
        .filter(|attribute| names.iter().any(|name| attribute.path().is_ident(name)))
        .collect()
}

/// The last segment of a path type, `Result` in `io::Result<T>`.
pub(crate) fn last_segment(ty: &Type) -> Option<&syn::PathSegment> {
    match ty {
        Type::Path(path) => path.path.segments.last(),
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        _ => None,
    }
}

/// The only type argument of a segment, `T` in `ReplyPort<T>`.
pub(crate) fn type_argument(segment: &syn::PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    let mut types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.next().filter(|_| types.next().is_none())
}

fn output(input: &MethodInput, ty: &SelfType) -> Type {
    match &input.sig.output {
        ReturnType::Default => Type::Tuple(syn::TypeTuple {
            attrs: Vec::new(),
            paren_token: syn::token::Paren(input.sig.ident.span()),
            elems: syn::punctuated::Punctuated::new(),
        }),
        ReturnType::Type(_, output) => ty.replace_in(output),
    }
}

fn params(input: &MethodInput, ty: &SelfType) -> Vec<Param> {
    let typed = input.sig.inputs.iter().filter_map(|argument| match argument {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    });
    typed
        .enumerate()
        .map(|(index, typed)| {
            let ty = ty.replace_in(&typed.ty);
            let kind = kind(&ty);
            Param {
                name: name(&typed.pat, index),
                ty,
                kind,
                attrs: typed.attrs.clone(),
            }
        })
        .collect()
}

fn name(pat: &Pat, index: usize) -> Ident {
    match pat {
        Pat::Ident(pat) => {
            let text = pat.ident.to_string();
            let trimmed = text.trim_start_matches('_');
            let usable =
                !trimmed.is_empty() && !trimmed.starts_with(|c: char| c.is_numeric()) && trimmed != text;
            if usable && syn::parse_str::<Ident>(trimmed).is_ok() {
                Ident::new(trimmed, pat.ident.span())
            } else {
                pat.ident.clone()
            }
        }
        _ => format_ident!("arg{index}", span = span_of(pat)),
    }
}

fn span_of(tokens: &impl ToTokens) -> Span {
    tokens
        .to_token_stream()
        .into_iter()
        .next()
        .map_or_else(Span::call_site, |token| token.span())
}

fn kind(ty: &Type) -> ParamKind {
    match ty {
        Type::Group(group) => kind(&group.elem),
        Type::Paren(paren) => kind(&paren.elem),
        Type::Reference(reference) => {
            let is_shared = reference.mutability.is_none() && reference.lifetime.is_none();
            match (&*reference.elem, last_segment(&reference.elem)) {
                (_, Some(segment)) if segment.ident == "Context" => ParamKind::Context,
                (_, Some(segment)) if is_shared && segment.ident == "Archived" => {
                    type_argument(segment).map_or(ParamKind::Borrowed, |ty| ParamKind::Archived(ty.clone()))
                }
                (Type::Path(path), _) if is_shared && path.path.is_ident("str") => ParamKind::Text,
                (Type::Slice(slice), _) if is_shared && is_byte(&slice.elem) => ParamKind::Bytes,
                _ => ParamKind::Borrowed,
            }
        }
        _ => match last_segment(ty) {
            Some(segment) if segment.ident == "ReplyPort" => {
                type_argument(segment).map_or(ParamKind::Owned, |reply| ParamKind::Port(reply.clone()))
            }
            _ => ParamKind::Owned,
        },
    }
}

fn is_byte(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.is_ident("u8"))
}
