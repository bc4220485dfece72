//! The configuration as it is written: a tree in which every value knows its place.
//!
//! Values of the file and of the environment stand in one tree, so that the checks need not care where one came from.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::fault::Fault;
use super::problem::{Place, Problems};

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Raw {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// What a value may be.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Bool(bool),
    List(Vec<Raw>),
    Table(Table),
    /// An environment variable's value: whatever the key needs is read from it.
    Variable(String),
    /// Of a type that no key has; its name, with an article.
    Other(&'static str),
}

impl Value {
    /// The name of the value's type, with an article.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Bool(_) => "a boolean",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Variable(_) => "a variable's text",
            Self::Other(name) => name,
        }
    }
}

/// Keys with their values. A key's place is that of its name.
pub(super) type Table = BTreeMap<String, Entry>;

/// A key's place and value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: Place,
    pub(super) raw: Raw,
}

/// Reads TOML. `None` after its mistakes in syntax were reported, all of them: what a half-read file lacks or has too
/// much of is not worth a word.
pub(super) fn parse(text: &str, file: &str, problems: &mut Problems) -> Option<Raw> {
    let lines = Lines::new(text, file);
    let (root, errors) = DeTable::parse_recoverable(text);
    let readable = errors.is_empty();
    for error in errors {
        let place = lines.place(error.span().unwrap_or(0..0));
        problems.report(
            &place,
            "",
            Fault::Syntax {
                message: error.message().to_owned(),
            },
        );
    }
    readable.then(|| Raw {
        place: lines.place(0..0),
        value: Value::Table(table(root.into_inner(), &lines)),
    })
}

fn table(table: DeTable<'_>, lines: &Lines<'_>) -> Table {
    let entry = |(key, value): (toml::Spanned<toml::de::DeString<'_>>, toml::Spanned<DeValue<'_>>)| {
        let place = lines.place(key.span());
        (
            key.into_inner().into_owned(),
            Entry {
                key: place,
                raw: raw(value, lines),
            },
        )
    };
    table.into_iter().map(entry).collect()
}

fn raw(value: toml::Spanned<DeValue<'_>>, lines: &Lines<'_>) -> Raw {
    let place = lines.place(value.span());
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other("an integer beyond 64 bits"), Value::Integer),
        DeValue::Float(_) => Value::Other("a floating point number"),
        DeValue::Boolean(truth) => Value::Bool(truth),
        DeValue::Datetime(_) => Value::Other("a date or time"),
        DeValue::Array(list) => Value::List(list.into_iter().map(|item| raw(item, lines)).collect()),
        DeValue::Table(inner) => Value::Table(table(inner, lines)),
    };
    Raw { place, value }
}

/// Turns byte offsets into lines and columns.
struct Lines<'a> {
    text: &'a str,
    file: Arc<str>,
    /// Where each line begins.
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str, file: &str) -> Self {
        let starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self {
            text,
            file: file.into(),
            starts,
        }
    }

    fn place(&self, span: Range<usize>) -> Place {
        let offset = span.start.min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line.wrapping_sub(1)).copied().unwrap_or(0);
        // A span that the parser cuts inside a character is counted to that character.
        let before = self.text.as_bytes().get(start..offset).unwrap_or_default();
        let column = 1 + before.iter().filter(|byte| (**byte & 0xC0) != 0x80).count();
        Place::File {
            file: Arc::clone(&self.file),
            line,
            column,
        }
    }
}
