//! What a load prints on standard output.

use clap::ValueEnum;
use stevedore_delivery::Consignment;
use stevedore_image::load_facts::{ImageFacts, LoadFacts};

use crate::attempt;

/// What `--print` asks for.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Print {
    /// The ID that the engine gave the image, a line an image.
    Id,
    /// The image's first name, a line an image; the ID of one that has none.
    Reference,
    /// One JSON object, as in the file that the target is built to, with the IDs that the engine gave the images.
    Json,
}

/// The text for `print`; without it, that is all names, one a line, and the ID of an image that has none.
pub(crate) fn text(
    print: Option<Print>,
    label: &str,
    consignments: &[Consignment],
) -> Result<String, stevedore_image::Error> {
    if print == Some(Print::Json) {
        let json = facts(label, consignments)?.to_json()?;
        return Ok(format!("{}\n", String::from_utf8_lossy(&json)));
    }
    let mut text = String::new();
    for consignment in consignments {
        let mut names = attempt::names(consignment.references());
        match print {
            Some(Print::Id) => names.clear(),
            Some(_) => names.truncate(1),
            None => {}
        }
        if names.is_empty() {
            names.extend(
                consignment
                    .loaded()
                    .map(|loaded| loaded.image_id.to_string()),
            );
        }
        for name in names {
            text.push_str(&name);
            text.push('\n');
        }
    }
    Ok(text)
}

fn facts(label: &str, consignments: &[Consignment]) -> Result<LoadFacts, stevedore_image::Error> {
    let images = consignments.iter().map(|consignment| {
        let image = consignment.image();
        let mut facts = ImageFacts::new(image.description(), consignment.references())?;
        if let Some(loaded) = consignment.loaded() {
            facts.image_id = loaded.image_id;
        }
        Ok((image.label().to_owned(), facts))
    });
    Ok(LoadFacts::new(
        label.to_owned(),
        images.collect::<Result<_, _>>()?,
    ))
}
