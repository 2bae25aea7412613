//! A name for an image that has none, since many clients take nothing else.

use stevedore_delivery::Image;
use stevedore_image::digest::Digest;
use stevedore_image::reference::Reference;

/// A registry that is none: `.local` names are never asked for on the internet.
const REGISTRY: &str = "stevedore.local";

/// How many digits of the image's ID are in its name.
const DIGITS: usize = 12;

/// `stevedore.local/<package>/<name>:<the ID's beginning>`: another image has another name, so that tests of different versions of an
/// image do not disturb each other.
pub(crate) fn of(image: &Image) -> Option<Reference> {
    made(image.label(), &image.id())
}

fn made(label: &str, id: &Digest) -> Option<Reference> {
    let parts = label.split(['/', ':', '@']).map(component);
    let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
    let tag: String = id.hex().chars().take(DIGITS).collect();
    let name = |repository: &str| format!("{REGISTRY}/{repository}:{tag}").parse().ok();
    // A name may have 255 characters, a label may have more.
    name(&parts.join("/")).or_else(|| name(&Digest::of(label.as_bytes()).hex()))
}

/// A part of a label as a part of a repository: lower case, and one hyphen in the place of all that is not allowed there.
fn component(text: &str) -> String {
    let text = text.to_ascii_lowercase();
    let words = text.split(|character: char| !character.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_label_gives_a_name() -> Result<(), Box<dyn std::error::Error>> {
        let id = Digest::of(b"");
        for (label, repository) in [
            ("//app:image", "app/image"),
            ("//:image", "image"),
            (
                "@@rules_x~~pull~postgres//:image",
                "rules-x-pull-postgres/image",
            ),
            ("//A b/c_:_x.Y", "a-b/c/x-y"),
            (
                &format!("//{}:image", "a".repeat(255)),
                "691beec65a3e82df9df7f7ba8a9a53a0e47e38392acf9b70c727acf1a3b11c0d",
            ),
        ] {
            let name = made(label, &id).ok_or("no name")?;
            assert_eq!(
                name.familiar(),
                format!("stevedore.local/{repository}:e3b0c44298fc")
            );
        }
        Ok(())
    }
}
