//! Tests of layers that are what they are described as, and of those that are not.

use std::error::Error;
use std::fs;

use super::*;
use stevedore_image::compression::{Compression, Compressor};

type TestResult = Result<(), Box<dyn Error>>;

const TAR: &[u8] = &[7; 5000];
const TRUSTING: Form = Form::Tar(Checking::ByDestination);

/// A layer that is said to be `TAR`, in a file with `bytes`.
fn layer(directory: &tempfile::TempDir, bytes: &[u8], is_blob: bool) -> io::Result<Layer> {
    let path = directory.path().join("layer");
    fs::write(&path, bytes)?;
    Ok(Layer {
        description: LayerDescription::new(Content::of(TAR)),
        path,
        blob: is_blob.then(|| BlobDescription::new("blob", Content::of(bytes))),
    })
}

fn read(layer: &Layer, form: Form) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut bytes = Vec::new();
    layer.open(form)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn compress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut compressor = Compressor::new(Compression::Gzip, Vec::new())?;
    io::Write::write_all(&mut compressor, bytes)?;
    compressor.finish()
}

#[test]
fn tars_and_blobs_give_the_tar() -> TestResult {
    let directory = tempfile::tempdir()?;
    for form in [TRUSTING, Form::Tar(Checking::Here)] {
        assert_eq!(read(&layer(&directory, TAR, false)?, form)?, TAR);
        let blob = layer(&directory, &compress(TAR)?, true)?;
        assert_eq!(read(&blob, form)?, TAR);
    }
    Ok(())
}

#[test]
fn a_blob_is_given_as_it_is_and_checked() -> TestResult {
    let directory = tempfile::tempdir()?;
    assert_eq!(
        read(&layer(&directory, TAR, false)?, Form::Blob(Checking::Here))?,
        TAR
    );
    let mut blob = layer(&directory, b"what it is does not matter", true)?;
    assert_eq!(
        read(&blob, Form::Blob(Checking::Here))?,
        b"what it is does not matter"
    );
    blob.blob = Some(BlobDescription::new(
        "blob",
        Content::of(b"what it was does not matter "),
    ));
    assert!(blob.check().is_err());
    fs::write(&blob.path, b"what it is does not matter! ")?;
    let error = read(&blob, Form::Blob(Checking::Here))
        .err()
        .ok_or("no error")?;
    assert!(error.to_string().contains("its digest is"), "{error}");
    Ok(())
}

#[test]
fn bytes_that_have_changed_are_found_where_they_are_to_be_checked() -> TestResult {
    let directory = tempfile::tempdir()?;
    let changed = layer(&directory, &[8; 5000], false)?;
    assert!(read(&changed, TRUSTING).is_ok());
    let error = read(&changed, Form::Tar(Checking::Here))
        .err()
        .ok_or("no error")?;
    assert!(error.to_string().contains("its diff_id is"), "{error}");
    Ok(())
}

#[test]
fn a_blob_with_another_tar_is_found() -> TestResult {
    let directory = tempfile::tempdir()?;
    for (bytes, text) in [
        (&[8; 5000][..], "its diff_id is"),
        (&[7; 5001], "inflates to 5001 bytes or more"),
        (&[7; 4999], "inflates to 4999 bytes"),
    ] {
        let layer = layer(&directory, &compress(bytes)?, true)?;
        let error = read(&layer, TRUSTING).err().ok_or("no error")?;
        assert!(error.to_string().contains(text), "{error}");
    }
    Ok(())
}

#[test]
fn a_blob_with_the_right_tar_and_another_digest_is_found() -> TestResult {
    let directory = tempfile::tempdir()?;
    let mut layer = layer(&directory, &compress(TAR)?, true)?;
    if let Some(blob) = &mut layer.blob {
        blob.digest = Digest::of(b"another");
    }
    let error = read(&layer, TRUSTING).err().ok_or("no error")?;
    assert!(error.to_string().contains("its digest is"), "{error}");
    Ok(())
}
