//! The arguments of the annotations: `key = value` lists and the values that they take.
//!
//! Everything is checked here that can be known from the token alone. An unknown key is refused with the list of the known ones; a wrong value
//! with an example of a right one.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Expr, Lit, LitStr, Meta, Token};

use crate::diag::Problems;

/// One `key`, or `key = value`.
pub(crate) struct Arg {
    meta: Meta,
}

/// Splits the arguments of an annotation. Arguments that are no list at all are one problem.
pub(crate) fn split(tokens: TokenStream, problems: &mut Problems) -> Vec<Arg> {
    match Punctuated::<Meta, Token![,]>::parse_terminated.parse2(tokens) {
        Ok(list) => list.into_iter().map(|meta| Arg { meta }).collect(),
        Err(error) => {
            problems.push(error);
            Vec::new()
        }
    }
}

/// Splits the arguments of an attribute inside an annotated item, such as `#[tick(every = "1s")]`.
pub(crate) fn split_attribute(attribute: &syn::Attribute, problems: &mut Problems) -> Vec<Arg> {
    match &attribute.meta {
        Meta::Path(_) => Vec::new(),
        Meta::List(list) => split(list.tokens.clone(), problems),
        Meta::NameValue(value) => {
            problems.at(
                &value.value,
                "write the arguments in parentheses: `#[name(key = value)]`",
            );
            Vec::new()
        }
    }
}

impl Arg {
    /// The key as text; a path of several segments gives the empty text, which is no known key.
    pub(crate) fn key(&self) -> String {
        self.meta
            .path()
            .get_ident()
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    /// The key's tokens, for problems about the key.
    pub(crate) fn key_tokens(&self) -> &syn::Path {
        self.meta.path()
    }

    /// Refuses the key.
    pub(crate) fn unknown(&self, what: &str, known: &[&str], problems: &mut Problems) {
        let key = self.key_tokens().to_token_stream().to_string().replace(' ', "");
        let list = known
            .iter()
            .map(|key| format!("`{key}`"))
            .collect::<Vec<_>>()
            .join(", ");
        let text = match nearest(&key, known) {
            Some(meant) => format!("unknown key `{key}`: write `{meant}`; {what} takes {list}"),
            None => format!("unknown key `{key}`: {what} takes {list}"),
        };
        problems.at(self.key_tokens(), text);
    }

    /// Refuses a value on a key that has none.
    pub(crate) fn flag(&self, problems: &mut Problems) {
        if !matches!(self.meta, Meta::Path(_)) {
            problems.at(
                &self.meta,
                format!("`{}` takes no value: write `{0}`", self.key()),
            );
        }
    }

    fn value(&self, example: &str, problems: &mut Problems) -> Option<&Expr> {
        if let Meta::NameValue(pair) = &self.meta {
            return Some(peel(&pair.value));
        }
        problems.at(
            &self.meta,
            format!("`{}` needs a value: write `{example}`", self.key()),
        );
        None
    }

    /// A string.
    pub(crate) fn text(&self, example: &str, problems: &mut Problems) -> Option<LitStr> {
        let value = self.value(example, problems)?;
        if let Expr::Lit(literal) = value
            && let Lit::Str(text) = &literal.lit
        {
            return Some(text.clone());
        }
        problems.at(value, format!("`{}` is a string: write `{example}`", self.key()));
        None
    }

    /// One of a few words.
    pub(crate) fn word(&self, words: &[&str], problems: &mut Problems) -> Option<syn::Ident> {
        let example = format!("{} = {}", self.key(), words[0]);
        let value = self.value(&example, problems)?;
        if let Expr::Path(path) = value
            && let Some(ident) = path.path.get_ident()
            && words.iter().any(|word| ident == word)
        {
            return Some(ident.clone());
        }
        let list = words
            .iter()
            .map(|word| format!("`{word}`"))
            .collect::<Vec<_>>()
            .join(", ");
        problems.at(
            value,
            format!("`{}` is one of {list}, without quotes", self.key()),
        );
        None
    }

    /// A count: a literal of at least `least`, or any constant expression.
    pub(crate) fn count(&self, least: u64, example: &str, problems: &mut Problems) -> Option<Expr> {
        let value = self.value(example, problems)?;
        if let Expr::Lit(literal) = value {
            let count = match &literal.lit {
                Lit::Int(number) => number.base10_parse::<u64>().ok(),
                _ => None,
            };
            match count {
                None => problems.at(
                    value,
                    format!("`{}` is a whole number: write `{example}`", self.key()),
                ),
                Some(count) if count < least => {
                    problems.at(value, format!("`{}` is at least {least}", self.key()));
                }
                Some(_) => return Some(value.clone()),
            }
            return None;
        }
        Some(value.clone())
    }

    /// A positive duration, `"500ms"`.
    pub(crate) fn duration(&self, problems: &mut Problems) -> Option<Duration> {
        let key = self.key();
        let text = self.text(&format!("{key} = \"5s\""), problems)?;
        let duration = duration(&text.value());
        if duration.is_none() {
            problems.at(
                &text,
                format!(
                    "`{key}` is a duration above zero: write `{key} = \"500ms\"`, \"5s\", \"2m\" or \"1h\""
                ),
            );
        }
        duration
    }

    /// A duration as a string, or one of a few words.
    pub(crate) fn duration_or_word(
        &self,
        words: &[&str],
        problems: &mut Problems,
    ) -> Option<Result<Duration, syn::Ident>> {
        if let Meta::NameValue(pair) = &self.meta
            && matches!(peel(&pair.value), Expr::Path(_))
        {
            return self.word(words, problems).map(Err);
        }
        self.duration(problems).map(Ok)
    }

    /// A range of durations, `"100ms..10s"`.
    pub(crate) fn range(&self, problems: &mut Problems) -> Option<(Duration, Duration)> {
        let key = self.key();
        let text = self.text(&format!("{key} = \"100ms..10s\""), problems)?;
        let value = text.value();
        let range = value
            .split_once("..")
            .and_then(|(from, to)| Some((duration(from.trim())?, duration(to.trim())?)));
        match range {
            None => problems.at(
                &text,
                format!("`{key}` is the first and the longest wait: write `{key} = \"100ms..10s\"`"),
            ),
            Some((from, to)) if from > to => problems.at(
                &text,
                format!("`{key}` begins with the shorter wait: write the range the other way round"),
            ),
            Some(range) => return Some(range),
        }
        None
    }
}

/// The code of a constant duration.
pub(crate) fn duration_tokens(duration: Duration) -> TokenStream {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    quote!(::core::time::Duration::new(#seconds, #nanos))
}

/// Literals substituted by `macro_rules!` come in an invisible group.
fn peel(mut expr: &Expr) -> &Expr {
    while let Expr::Group(group) = expr {
        expr = &group.expr;
    }
    expr
}

/// Reads `"500ms"`, `"5s"`, `"2m"`, `"1h"`; none for zero.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok().filter(|number| *number > 0)?;
    match text[digits..].trim_start() {
        "us" => Some(Duration::from_micros(number)),
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3600).map(Duration::from_secs),
        _ => None,
    }
}

/// The known key that a typing error of at most two letters made of `key`.
pub(crate) fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (distance(key, candidate), *candidate))
        .filter(|(steps, _)| *steps <= 2)
        .min()
        .map(|(_, candidate)| candidate)
}

fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{Duration, duration, nearest};

    #[test]
    fn durations_have_a_number_and_a_unit() {
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Some(Duration::from_mins(2)));
        for wrong in [
            "",
            "5",
            "s",
            "0s",
            "-1s",
            "1.5s",
            "5 days",
            "99999999999999999999s",
        ] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_typing_error_finds_the_key_that_was_meant() {
        assert_eq!(nearest("retsart", &["restart", "mailbox"]), Some("restart"));
        assert_eq!(nearest("strategy", &["restart", "mailbox"]), None);
    }
}
