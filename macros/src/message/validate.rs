//! What no message can be, each said at the token, with what to write instead.

use syn::visit::{self, Visit};
use syn::{Data, DeriveInput, Field, Ident, PathSegment};

use crate::diag::Problems;
use crate::types;

/// Whether there is anything to generate.
pub(crate) enum Outcome {
    /// Perhaps with problems in fields: the impls stand all the same, so that each is one error.
    Fit,
    /// No impl can be written.
    Unfit,
}

/// Notes the problems of a type. A borrowed field is given another type, which no error follows from.
pub(crate) fn validate(input: &mut DeriveInput, problems: &mut Problems) -> Outcome {
    if let Some(param) = input.generics.params.first() {
        problems.at(param, "a message is owned and not generic: write the type");
        return Outcome::Unfit;
    }
    let ident = input.ident.clone();
    let fields: Vec<&mut Field> = match &mut input.data {
        Data::Struct(data) => data.fields.iter_mut().collect(),
        Data::Enum(data) if data.variants.is_empty() => {
            problems.at(
                &input.ident,
                "an enum without variants has no values to send: add one",
            );
            return Outcome::Unfit;
        }
        Data::Enum(data) => data
            .variants
            .iter_mut()
            .flat_map(|variant| variant.fields.iter_mut())
            .collect(),
        Data::Union(data) => {
            problems.at(
                data.union_token,
                "the fields of a union cannot be validated: write an enum",
            );
            return Outcome::Unfit;
        }
    };
    let mut outcome = Outcome::Fit;
    for field in fields {
        if let Some(found) = types::borrow(&field.ty) {
            problems.span(
                found.span,
                format!("a field of a message {}: write an owned type", found.text),
            );
            // rustc would ask for a lifetime here, which is no way out.
            field.ty = syn::parse_quote!(());
        } else if let Some(found) = types::not_on_the_wire(&field.ty) {
            // Not `Send`, so no message even with this said.
            if found.name == "Rc" {
                outcome = Outcome::Unfit;
            }
            problems.span(found.span, found.text);
        } else if let Some(own) = itself(&ident, field) {
            problems.at(own, "a message does not contain itself: a hostile archive could nest without end; write a `Vec` of nodes with indices");
            outcome = Outcome::Unfit;
        }
    }
    outcome
}

/// Where a field's type names the type that it is in.
fn itself(ident: &Ident, field: &Field) -> Option<Ident> {
    let mut search = Search { ident, found: None };
    search.visit_type(&field.ty);
    search.found
}

struct Search<'a> {
    ident: &'a Ident,
    found: Option<Ident>,
}

impl<'ast> Visit<'ast> for Search<'_> {
    fn visit_path_segment(&mut self, segment: &'ast PathSegment) {
        if segment.ident == *self.ident || segment.ident == "Self" {
            self.found.get_or_insert(segment.ident.clone());
        }
        visit::visit_path_segment(self, segment);
    }
}
