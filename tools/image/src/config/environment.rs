//! Environment variables, whose values may refer to others as in a Dockerfile.
//!
//! See <https://docs.docker.com/reference/dockerfile/#environment-replacement>. A literal `$` is written `$$`.

use serde_json::Value;

use super::ConfigSpec;
use crate::error::Error;

/// Variables in order, each `KEY=VALUE`.
pub(super) struct Environment {
    variables: Vec<String>,
}

const EXPECTED: &str =
    "a value with references such as `$VAR`, `${VAR}`, `${VAR:-word}` or `${VAR:+word}`, \
                        and `$$` for a dollar sign";

impl Environment {
    /// The variables of a base.
    pub(super) fn parse(variables: Vec<String>) -> Self {
        Self { variables }
    }

    /// Sets a variable, in its place if it is there. The value may refer to the variable itself.
    pub(super) fn set(&mut self, spec: &ConfigSpec, key: &str, value: &str) -> Result<(), Error> {
        if key.is_empty() || key.contains(['=', '\0']) {
            return Err(spec.invalid("env", key, "names without `=`"));
        }
        let value = self
            .expand(value)
            .ok_or_else(|| spec.invalid("env", value, EXPECTED))?;
        let variable = format!("{key}={value}");
        match self.position(key) {
            Some(index) => self.variables[index] = variable,
            None => self.variables.push(variable),
        }
        Ok(())
    }

    /// The JSON of it.
    pub(super) fn into_value(self) -> Value {
        self.variables.into()
    }

    fn position(&self, key: &str) -> Option<usize> {
        self.variables
            .iter()
            .position(|variable| variable.split('=').next() == Some(key))
    }

    fn get(&self, key: &str) -> Option<&str> {
        let variable = &self.variables[self.position(key)?];
        Some(variable.split_once('=').map_or("", |(_, value)| value))
    }

    /// Replaces references, or nothing if one is malformed. An unknown variable is empty.
    fn expand(&self, text: &str) -> Option<String> {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            expanded.push_str(before);
            rest = after;
            if let Some(after) = rest.strip_prefix('$') {
                expanded.push('$');
                rest = after;
            } else if let Some(after) = rest.strip_prefix('{') {
                let end = closing_brace(after)?;
                expanded.push_str(&self.reference(&after[..end])?);
                rest = &after[end + 1..];
            } else {
                let name = name(rest);
                match name {
                    // A dollar sign before anything else is one.
                    "" => expanded.push('$'),
                    _ => expanded.push_str(self.get(name).unwrap_or_default()),
                }
                rest = &rest[name.len()..];
            }
        }
        expanded.push_str(rest);
        Some(expanded)
    }

    /// What is between braces: a name, and perhaps what to take if it has a value or has none.
    fn reference(&self, inner: &str) -> Option<String> {
        let name = name(inner);
        if name.is_empty() {
            return None;
        }
        let modifier = &inner[name.len()..];
        let value = self.get(name);
        let (value, modifier) = match modifier.strip_prefix(':') {
            // With a colon, an empty value is as good as none.
            Some(modifier) => (value.filter(|value| !value.is_empty()), modifier),
            None => (value, modifier),
        };
        match (modifier.split_at_checked(1), value) {
            (None, value) if !inner.ends_with(':') => Some(value.unwrap_or_default().to_owned()),
            (Some(("-", _)), Some(value)) => Some(value.to_owned()),
            (Some(("-", word)), None) | (Some(("+", word)), Some(_)) => self.expand(word),
            (Some(("+", _)), None) => Some(String::new()),
            _ => None,
        }
    }
}

/// The longest name that a text begins with.
fn name(text: &str) -> &str {
    let is_part = |index: usize, character: char| {
        character == '_'
            || character.is_ascii_alphabetic()
            || index > 0 && character.is_ascii_digit()
    };
    let end = text
        .char_indices()
        .find(|(index, character)| !is_part(*index, *character))
        .map_or(text.len(), |(index, _)| index);
    &text[..end]
}

/// Where the brace that is open already is closed.
fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(index),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn references_are_replaced_as_in_a_dockerfile() {
        let environment = Environment::parse(vec![
            "PATH=/usr/bin:/bin".to_owned(),
            "EMPTY=".to_owned(),
            "FLAG".to_owned(),
        ]);
        let cases = [
            ("/app:$PATH", Some("/app:/usr/bin:/bin")),
            ("${PATH}s", Some("/usr/bin:/bins")),
            ("$PATHS", Some("")),
            ("$$PATH", Some("$PATH")),
            ("a$", Some("a$")),
            ("$ 5", Some("$ 5")),
            ("${NONE:-x${PATH}}", Some("x/usr/bin:/bin")),
            ("${EMPTY:-x}", Some("x")),
            ("${EMPTY-x}", Some("")),
            ("${EMPTY:+x}", Some("")),
            ("${PATH:+x}", Some("x")),
            ("${FLAG}", Some("")),
            ("${}", None),
            ("${PATH", None),
            ("${PATH:}", None),
            ("${PATH%x}", None),
        ];
        for (text, expected) in cases {
            assert_eq!(environment.expand(text).as_deref(), expected, "{text}");
        }
    }
}
