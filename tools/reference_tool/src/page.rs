//! The page: Markdown with a table of contents, and a section for each rule, function, provider and extension.

use crate::module::{Attribute, Extension, Function, Module, Provider};

/// Writes the page.
pub(crate) fn render(module: &Module) -> String {
    let mut page =
        String::from("<!-- Generated: do not edit. See docs/BUILD.bazel. -->\n\n# Reference\n\n");
    page.push_str(module.doc.trim());
    page.push_str("\n\n");
    for (title, names) in contents(module) {
        let links: Vec<_> = names
            .iter()
            .map(|name| format!("[`{name}`](#{})", anchor(name)))
            .collect();
        if !links.is_empty() {
            page.push_str(&format!("- {title}: {}\n", links.join(", ")));
        }
    }
    for rule in &module.rules {
        push_section(&mut page, &rule.name, &rule.doc);
        push_attributes(&mut page, &rule.attributes);
    }
    for function in &module.functions {
        push_function(&mut page, function);
    }
    for provider in &module.providers {
        push_provider(&mut page, provider);
    }
    for extension in &module.extensions {
        push_extension(&mut page, extension);
    }
    page
}

fn contents(module: &Module) -> [(&'static str, Vec<String>); 4] {
    let tags = |extension: &Extension| -> Vec<String> {
        let name = &extension.name;
        extension
            .tags
            .iter()
            .map(|tag| format!("{name}.{}", tag.name))
            .collect()
    };
    [
        (
            "Rules",
            module.rules.iter().map(|rule| rule.name.clone()).collect(),
        ),
        (
            "Functions and macros",
            module
                .functions
                .iter()
                .map(|function| function.name.clone())
                .collect(),
        ),
        (
            "Providers",
            module
                .providers
                .iter()
                .map(|provider| provider.name.clone())
                .collect(),
        ),
        (
            "Module extensions",
            module.extensions.iter().flat_map(tags).collect(),
        ),
    ]
}

/// The anchor that GitHub gives a heading: lower case, without punctuation.
fn anchor(heading: &str) -> String {
    heading.to_lowercase().replace('.', "")
}

fn push_section(page: &mut String, heading: &str, doc: &str) {
    page.push_str(&format!("\n## `{heading}`\n\n{}\n", doc.trim()));
}

fn push_attributes(page: &mut String, attributes: &[Attribute]) {
    page.push_str("\n**Attributes**\n\n");
    for attribute in attributes {
        let note = attribute_note(attribute);
        push_item(page, &attribute.name, &note, &attribute.doc);
    }
}

fn attribute_note(attribute: &Attribute) -> String {
    let mut note = attribute.kind.to_owned();
    if !attribute.values.is_empty() {
        note.push_str(&format!(", one of `{}`", attribute.values.join("`, `")));
    }
    if attribute.mandatory {
        note.push_str(", mandatory");
    } else if attribute.default != "None" {
        note.push_str(&format!(", default `{}`", attribute.default));
    }
    note
}

fn push_function(page: &mut String, function: &Function) {
    push_section(page, &function.name, &function.doc);
    page.push_str("\n**Parameters**\n\n");
    for parameter in &function.parameters {
        let note = match parameter.default.as_str() {
            "" if parameter.mandatory => "mandatory".to_owned(),
            "" => String::new(),
            default => format!("default `{default}`"),
        };
        push_item(page, &parameter.name, &note, &parameter.doc);
    }
    if !function.returns.is_empty() {
        page.push_str(&format!("\n**Returns** {}\n", function.returns.trim()));
    }
}

fn push_provider(page: &mut String, provider: &Provider) {
    push_section(page, &provider.name, &provider.doc);
    page.push_str("\n**Fields**\n\n");
    for (name, doc) in &provider.fields {
        push_item(page, name, "", doc);
    }
}

fn push_extension(page: &mut String, extension: &Extension) {
    for tag in &extension.tags {
        let doc = format!("{}\n\n{}", extension.doc.trim(), tag.doc.trim());
        push_section(page, &format!("{}.{}", extension.name, tag.name), &doc);
        push_attributes(page, &tag.attributes);
    }
}

/// Writes a list item, with a doc of several paragraphs indented so that it stays in it.
fn push_item(page: &mut String, name: &str, note: &str, doc: &str) {
    page.push_str(&format!("- `{name}`"));
    if !note.is_empty() {
        page.push_str(&format!(" ({note})"));
    }
    page.push(':');
    for (number, line) in doc.trim().lines().enumerate() {
        if number == 0 {
            page.push(' ');
        } else {
            page.push('\n');
            if !line.is_empty() {
                page.push_str("  ");
            }
        }
        page.push_str(line);
    }
    page.push('\n');
}

#[cfg(test)]
mod tests {
    use crate::module::{Parameter, Rule};

    use super::*;

    fn attribute(name: &str, kind: &'static str) -> Attribute {
        Attribute {
            name: name.to_owned(),
            doc: "First.\n\n- Second.".to_owned(),
            kind,
            mandatory: false,
            default: "\"a\"".to_owned(),
            values: vec!["\"a\"".to_owned(), "\"b\"".to_owned()],
        }
    }

    #[test]
    fn a_page_has_a_section_for_everything() {
        let module = Module {
            doc: "About.".to_owned(),
            rules: vec![Rule {
                name: "some_rule".to_owned(),
                doc: "A rule.".to_owned(),
                attributes: vec![attribute("kind", "string")],
            }],
            functions: vec![Function {
                name: "some_function".to_owned(),
                doc: "A function.".to_owned(),
                parameters: vec![Parameter {
                    name: "value".to_owned(),
                    doc: "a value.".to_owned(),
                    default: String::new(),
                    mandatory: true,
                }],
                returns: "A string.".to_owned(),
            }],
            providers: Vec::new(),
            extensions: vec![Extension {
                name: "extension".to_owned(),
                doc: "An extension.".to_owned(),
                tags: vec![Rule {
                    name: "tag".to_owned(),
                    doc: "A tag.".to_owned(),
                    attributes: Vec::new(),
                }],
            }],
        };
        let expected = "\
<!-- Generated: do not edit. See docs/BUILD.bazel. -->

# Reference

About.

- Rules: [`some_rule`](#some_rule)
- Functions and macros: [`some_function`](#some_function)
- Module extensions: [`extension.tag`](#extensiontag)

## `some_rule`

A rule.

**Attributes**

- `kind` (string, one of `\"a\"`, `\"b\"`, default `\"a\"`): First.

  - Second.

## `some_function`

A function.

**Parameters**

- `value` (mandatory): a value.

**Returns** A string.

## `extension.tag`

An extension.

A tag.

**Attributes**

";
        assert_eq!(render(&module), expected);
    }
}
