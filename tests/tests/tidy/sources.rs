//! The sources of the workspace as text, and how a rule is held against them.

use std::fs;
use std::path::{Path, PathBuf};

/// The packages of the workspace.
pub(crate) const PACKAGES: [&str; 6] = ["macros", "framework", "regions", "benches", "examples", "tests"];
/// The packages that users build.
pub(crate) const PUBLISHED: [&str; 3] = ["macros", "framework", "regions"];

/// A source file, by its path from the root.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The lines, counted from 1, that break a rule.
pub(crate) type Rule = fn(&Source) -> Vec<usize>;

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// Whether this is `place`, or lies in it.
    pub(crate) fn is_in(&self, place: &str) -> bool {
        self.path
            .strip_prefix(place)
            .is_some_and(|rest| rest.starts_with(['/', '.']))
    }

    /// Whether this is the code of a published package, and not a file of tests.
    pub(crate) fn is_published_code(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        PUBLISHED
            .iter()
            .any(|package| self.is_in(&format!("{package}/src")))
            && name != "tests.rs"
            && !name.ends_with("_tests.rs")
            && !self.path.contains("/tests/")
    }

    /// The code: without comments, and without the module of tests at the end.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines: Vec<&str> = self.text.lines().collect();
        let tests = lines.windows(2).position(|pair| {
            pair[0].starts_with("#[cfg(test)]") && pair[1].starts_with("mod ") && pair[1].ends_with('{')
        });
        let end = tests.unwrap_or(lines.len());
        lines
            .into_iter()
            .take(end)
            .map(without_comment)
            .zip(1..)
            .map(|(line, number)| (number, line))
    }

    pub(crate) fn lines_with(&self, breaks: impl Fn(&str) -> bool) -> Vec<usize> {
        self.code()
            .filter(|(_, line)| breaks(line))
            .map(|(number, _)| number)
            .collect()
    }
}

/// The line up to `//`, unless that is part of a URL.
fn without_comment(line: &str) -> &str {
    let comment = line
        .match_indices("//")
        .find(|(at, _)| !line[..*at].ends_with(':'));
    comment.map_or(line, |(at, _)| &line[..at])
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All sources, in the order of their paths.
pub(crate) fn sources() -> Vec<Source> {
    fn walk(folder: &str, found: &mut Vec<Source>) {
        let entries = fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        for entry in entries.map(|entry| entry.expect("a folder can be read to its end")) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{folder}/{name}");
            if entry.path().is_dir() {
                if name != "target" && !name.starts_with('.') {
                    walk(&path, found);
                }
            } else if entry
                .path()
                .extension()
                .is_some_and(|extension| extension == "rs")
            {
                let text = read(&path);
                found.push(Source { path, text });
            }
        }
    }
    let mut found = Vec::new();
    for package in PACKAGES {
        walk(package, &mut found);
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 100, "only {} sources were found", found.len());
    found
}

/// The workspace keeps the rule, and each of these sources breaks it at its last line.
pub(crate) fn keeps(rule: Rule, broken: &[(&str, &str)]) {
    for (path, text) in broken {
        assert_eq!(
            rule(&Source::new(path, text)),
            [text.lines().count()],
            "{path}: {text:?}"
        );
    }
    let found: Vec<String> = sources()
        .iter()
        .flat_map(|source| {
            let lines: Vec<&str> = source.text.lines().collect();
            let show = |number: usize| {
                format!(
                    "{}:{number}: {}",
                    source.path,
                    lines.get(number - 1).unwrap_or(&"")
                )
            };
            rule(source).into_iter().map(show).collect::<Vec<_>>()
        })
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

/// And these sources, which look alike, keep it.
pub(crate) fn allows(rule: Rule, sound: &[(&str, &str)]) {
    for (path, text) in sound {
        assert_eq!(rule(&Source::new(path, text)), [0; 0], "{path}: {text:?}");
    }
}
