//! What is in a `.bzl` file, as `starlark_doc_extract` writes it.
//!
//! The field numbers are those of Bazel's
//! [`stardoc_output.proto`](https://github.com/bazelbuild/bazel/blob/7.7.1/src/main/protobuf/stardoc_output.proto).

use anyhow::Result;

use crate::wire::Message;

/// A `.bzl` file.
pub(crate) struct Module {
    pub(crate) doc: String,
    pub(crate) rules: Vec<Rule>,
    pub(crate) functions: Vec<Function>,
    pub(crate) providers: Vec<Provider>,
    pub(crate) extensions: Vec<Extension>,
}

/// A rule, or a tag class: both have attributes.
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) attributes: Vec<Attribute>,
}

/// An attribute of a rule or of a tag class.
pub(crate) struct Attribute {
    pub(crate) name: String,
    pub(crate) doc: String,
    /// What it holds, for a person.
    pub(crate) kind: &'static str,
    pub(crate) mandatory: bool,
    /// The default as Starlark.
    pub(crate) default: String,
    /// All values that are allowed, as Starlark; empty if there is no such list.
    pub(crate) values: Vec<String>,
}

/// A function or a macro.
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) parameters: Vec<Parameter>,
    /// What it returns; empty if that is not said.
    pub(crate) returns: String,
}

/// A parameter of a function.
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) doc: String,
    /// The default as Starlark; empty if there is none.
    pub(crate) default: String,
    pub(crate) mandatory: bool,
}

/// A provider.
pub(crate) struct Provider {
    pub(crate) name: String,
    pub(crate) doc: String,
    /// Names and docs.
    pub(crate) fields: Vec<(String, String)>,
}

/// A module extension.
pub(crate) struct Extension {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) tags: Vec<Rule>,
}

impl Module {
    /// Reads a `ModuleInfo`.
    ///
    /// # Errors
    /// The bytes are not a message, or a text in it is not UTF-8.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        let message = Message::parse(bytes)?;
        Ok(Self {
            doc: message.text(5)?,
            rules: rules(&message)?,
            functions: each(&message, 3, function)?,
            providers: each(&message, 2, provider)?,
            extensions: each(&message, 7, extension)?,
        })
    }
}

fn each<T>(
    message: &Message<'_>,
    field: u64,
    read: impl Fn(&Message<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    message.messages(field)?.iter().map(read).collect()
}

/// The rules, and after them the repository rules.
fn rules(message: &Message<'_>) -> Result<Vec<Rule>> {
    let mut rules = each(message, 1, rule_without_name)?;
    rules.extend(each(message, 8, rule_without_name)?);
    Ok(rules)
}

/// `RuleInfo`, `RepositoryRuleInfo` and `ModuleExtensionTagClassInfo` have the same numbers.
fn rule(message: &Message<'_>) -> Result<Rule> {
    Ok(Rule {
        name: message.text(1)?,
        doc: message.text(2)?,
        attributes: each(message, 3, attribute)?,
    })
}

/// A rule as it is documented: that every target has a name goes without saying, and a
/// mapping of repositories is Bazel's own.
fn rule_without_name(message: &Message<'_>) -> Result<Rule> {
    let mut rule = rule(message)?;
    rule.attributes
        .retain(|attribute| !matches!(attribute.name.as_str(), "name" | "repo_mapping"));
    Ok(rule)
}

fn attribute(message: &Message<'_>) -> Result<Attribute> {
    Ok(Attribute {
        name: message.text(1)?,
        doc: message.text(2)?,
        kind: attribute_kind(message.number(3)),
        mandatory: message.number(4) != 0,
        default: message.text(6)?,
        values: message.texts(9)?,
    })
}

fn attribute_kind(attribute_type: u64) -> &'static str {
    match attribute_type {
        1 | 4 => "string",
        2 => "int",
        3 => "label",
        5 => "list of strings",
        6 => "list of ints",
        7 => "list of labels",
        8 => "bool",
        9 => "dict of labels to strings",
        10 => "dict of strings to strings",
        11 => "dict of strings to lists of strings",
        12 => "label of an output",
        13 => "list of labels of outputs",
        14 => "dict of strings to labels",
        15 => "dict of strings to lists of labels",
        _ => "value",
    }
}

fn function(message: &Message<'_>) -> Result<Function> {
    let returns = message.messages(4)?;
    Ok(Function {
        name: message.text(1)?,
        doc: message.text(3)?,
        parameters: each(message, 2, parameter)?,
        returns: returns
            .first()
            .map_or(Ok(String::new()), |returns| returns.text(1))?,
    })
}

fn parameter(message: &Message<'_>) -> Result<Parameter> {
    Ok(Parameter {
        name: message.text(1)?,
        doc: message.text(2)?,
        default: message.text(3)?,
        mandatory: message.number(4) != 0,
    })
}

fn provider(message: &Message<'_>) -> Result<Provider> {
    Ok(Provider {
        name: message.text(1)?,
        doc: message.text(2)?,
        fields: each(message, 3, |field| Ok((field.text(1)?, field.text(2)?)))?,
    })
}

fn extension(message: &Message<'_>) -> Result<Extension> {
    Ok(Extension {
        name: message.text(1)?,
        doc: message.text(2)?,
        tags: each(message, 3, rule)?,
    })
}
