//! Reading typed values out of the tree. Whatever cannot be read is reported, and the reading goes on.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::checked::HostPort;
use super::duration;
use super::fault::Fault;
use super::nearest::nearest;
use super::problem::{Place, Problems};
use super::raw::{Entry, Raw, Table, Value};
use crate::name::NameError;

/// A table that is being read: what is left at the end is unknown.
pub(super) struct Section {
    pub(super) path: String,
    pub(super) place: Place,
    table: Table,
}

impl Section {
    pub(super) fn root(raw: Raw) -> Self {
        let table = if let Value::Table(table) = raw.value {
            table
        } else {
            Table::new()
        };
        Self {
            path: String::new(),
            place: raw.place,
            table,
        }
    }

    /// Takes a key that has a default.
    pub(super) fn optional(&mut self, key: &str) -> Option<Field> {
        let Entry { key: key_place, raw } = self.table.remove(key)?;
        Some(Field {
            path: join(&self.path, key),
            key_place,
            raw,
        })
    }

    /// Takes a key that has none.
    pub(super) fn required(
        &mut self,
        key: &str,
        example: &'static str,
        problems: &mut Problems,
    ) -> Option<Field> {
        let field = self.optional(key);
        if field.is_none() {
            problems.report(&self.place, &join(&self.path, key), Fault::Missing { example });
        }
        field
    }

    /// Takes a section; one that is not there reads as empty.
    pub(super) fn section(&mut self, key: &str, problems: &mut Problems) -> Self {
        let empty = || Self {
            path: join(&self.path, key),
            place: self.place.clone(),
            table: Table::new(),
        };
        match self.table.remove(key) {
            None => empty(),
            Some(Entry { key: key_place, raw }) => {
                let field = Field {
                    path: join(&self.path, key),
                    key_place,
                    raw,
                };
                field.section("a [section]", problems).unwrap_or_else(empty)
            }
        }
    }

    /// Takes everything that is left, by key.
    pub(super) fn rest(&mut self) -> Vec<(String, Field)> {
        let path = &self.path;
        std::mem::take(&mut self.table)
            .into_iter()
            .map(|(key, Entry { key: key_place, raw })| {
                let field = Field {
                    path: join(path, &key),
                    key_place,
                    raw,
                };
                (key, field)
            })
            .collect()
    }

    /// Reports what is left as unknown.
    pub(super) fn finish(self, known: &'static [&'static str], problems: &mut Problems) {
        for (key, Entry { key: place, .. }) in self.table {
            let nearest = nearest(&key, known.iter().copied());
            problems.report(
                &place,
                &join(&self.path, &key),
                Fault::UnknownKey { nearest, known },
            );
        }
    }
}

/// A key with its value.
#[derive(Clone)]
pub(super) struct Field {
    pub(super) path: String,
    pub(super) key_place: Place,
    raw: Raw,
}

impl Field {
    pub(super) fn report(&self, fault: Fault, problems: &mut Problems) {
        problems.report(&self.raw.place, &self.path, fault);
    }

    pub(super) fn text(&self, example: &'static str, problems: &mut Problems) -> Option<&str> {
        let (Value::Text(text) | Value::Variable(text)) = &self.raw.value else {
            return self.wrong_type("a string", example, problems);
        };
        if text.is_empty() {
            self.report(Fault::Empty { example }, problems);
            return None;
        }
        Some(text)
    }

    pub(super) fn name<N>(&self, example: &'static str, problems: &mut Problems) -> Option<N>
    where
        N: FromStr<Err = NameError>,
    {
        let text = self.text(example, problems)?;
        match text.parse() {
            Ok(name) => Some(name),
            Err(NameError { rule }) => {
                self.report(
                    Fault::BadName {
                        text: text.to_owned(),
                        rule,
                    },
                    problems,
                );
                None
            }
        }
    }

    pub(super) fn duration(
        &self,
        example: &'static str,
        range: RangeInclusive<Duration>,
        problems: &mut Problems,
    ) -> Option<Duration> {
        let text = self.text(example, problems)?;
        let Some(found) = duration::parse(text) else {
            self.report(
                Fault::BadDuration {
                    text: text.to_owned(),
                    example,
                },
                problems,
            );
            return None;
        };
        if !range.contains(&found) {
            let fault = Fault::DurationOutOfRange {
                found,
                min: *range.start(),
                max: *range.end(),
            };
            self.report(fault, problems);
            return None;
        }
        Some(found)
    }

    pub(super) fn integer(
        &self,
        example: &'static str,
        range: RangeInclusive<i64>,
        problems: &mut Problems,
    ) -> Option<i64> {
        let found = match &self.raw.value {
            Value::Integer(found) => Some(*found),
            Value::Variable(text) => text.trim().parse().ok(),
            _ => None,
        };
        let Some(found) = found else {
            return self.wrong_type("an integer", example, problems);
        };
        if !range.contains(&found) {
            self.report(
                Fault::OutOfRange {
                    found,
                    min: *range.start(),
                    max: *range.end(),
                },
                problems,
            );
            return None;
        }
        Some(found)
    }

    pub(super) fn boolean(&self, example: &'static str, problems: &mut Problems) -> Option<bool> {
        match &self.raw.value {
            Value::Bool(truth) => Some(*truth),
            Value::Variable(text) if text == "true" => Some(true),
            Value::Variable(text) if text == "false" => Some(false),
            _ => self.wrong_type("a boolean", example, problems),
        }
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&self, words: &[(&'static str, T)], problems: &mut Problems) -> Option<T> {
        let text = self.text(words.first().map_or("", |(word, _)| word), problems)?;
        let found = words
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, value)| *value);
        if found.is_none() {
            let words = words.iter().map(|(word, _)| *word).collect();
            self.report(
                Fault::UnknownWord {
                    text: text.to_owned(),
                    words,
                },
                problems,
            );
        }
        found
    }

    /// The entries of a list, or of a variable's text between commas.
    pub(super) fn list(&self, example: &'static str, problems: &mut Problems) -> Option<Vec<Self>> {
        let items: Vec<Raw> = match &self.raw.value {
            Value::List(items) => items.clone(),
            Value::Variable(text) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                let item = |part: &str| Raw {
                    place: self.raw.place.clone(),
                    value: Value::Variable(part.to_owned()),
                };
                parts.map(item).collect()
            }
            _ => return self.wrong_type("a list", example, problems),
        };
        let field = |(index, raw): (usize, Raw)| Self {
            path: format!("{}[{index}]", self.path),
            key_place: raw.place.clone(),
            raw,
        };
        Some(items.into_iter().enumerate().map(field).collect())
    }

    pub(super) fn section(self, example: &'static str, problems: &mut Problems) -> Option<Section> {
        match self.raw.value {
            Value::Table(table) => Some(Section {
                path: self.path,
                place: self.key_place,
                table,
            }),
            _ => self.wrong_type("a table", example, problems),
        }
    }

    pub(super) fn socket_addr(&self, example: &'static str, problems: &mut Problems) -> Option<SocketAddr> {
        let text = self.text(example, problems)?;
        let addr = text.parse().ok().filter(|addr: &SocketAddr| addr.port() != 0);
        if addr.is_none() {
            let expected = "an IP address and a port other than 0";
            self.report(
                Fault::BadAddress {
                    text: text.to_owned(),
                    expected,
                    example,
                },
                problems,
            );
        }
        addr
    }

    pub(super) fn host_port(&self, example: &'static str, problems: &mut Problems) -> Option<HostPort> {
        let text = self.text(example, problems)?;
        let parsed = HostPort::parse(text);
        if parsed.is_none() {
            let expected = "a host and a port other than 0";
            self.report(
                Fault::BadAddress {
                    text: text.to_owned(),
                    expected,
                    example,
                },
                problems,
            );
        }
        parsed
    }

    fn wrong_type<T>(
        &self,
        expected: &'static str,
        example: &'static str,
        problems: &mut Problems,
    ) -> Option<T> {
        self.report(
            Fault::WrongType {
                found: self.raw.value.type_name(),
                expected,
                example,
            },
            problems,
        );
        None
    }
}

/// Reports entries that stand in a list twice, and gives the list with each once.
pub(super) fn distinct<T: PartialEq + ToString>(items: Vec<(T, Field)>, problems: &mut Problems) -> Vec<T> {
    let mut kept: Vec<T> = Vec::new();
    for (item, field) in items {
        if kept.contains(&item) {
            field.report(
                Fault::Repeated {
                    text: item.to_string(),
                },
                problems,
            );
        } else {
            kept.push(item);
        }
    }
    kept
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}
