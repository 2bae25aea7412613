//! Reading and writing the JSON files between actions.

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::Serialize;

use crate::error::Error;

/// Reads a JSON file into a value.
///
/// # Errors
/// If the file cannot be read, or is not JSON of the shape of `T`; the cause tells line and column.
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let bytes = fs::read(path).map_err(|source| Error::io("read", path, source))?;
    parse(path, &bytes)
}

/// Parses JSON that came from the file `path`, which only errors name.
///
/// # Errors
/// If the bytes are not JSON of the shape of `T`; the cause tells line and column.
pub fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, Error> {
    // Every file of images is an object, and serde would take an array for one too, its elements for fields.
    if let Some(found) = other_than_object(bytes) {
        return Err(Error::NotAnObject {
            path: path.to_owned(),
            found,
        });
    }
    serde_json::from_slice(bytes).map_err(|source| Error::Json {
        path: path.to_owned(),
        source,
    })
}

/// The words for what a text is that is JSON, perhaps, but no object.
fn other_than_object(bytes: &[u8]) -> Option<&'static str> {
    match bytes.trim_ascii_start().first() {
        Some(b'{') => None,
        Some(b'[') => Some("an array"),
        Some(b'"') => Some("a string"),
        Some(b'-' | b'0'..=b'9') => Some("a number"),
        Some(_) => Some("something else"),
        None => Some("nothing"),
    }
}

/// The compact text of a value, without a newline at the end.
///
/// # Errors
/// If the value has no JSON form; this project's types all have one.
pub fn to_bytes<T: Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(Error::Serialize)
}
