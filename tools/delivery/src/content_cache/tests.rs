//! Tests of the kept blobs.

use std::error::Error;

use super::*;

type TestResult = Result<(), Box<dyn Error>>;

fn cache(folders: &[&Path]) -> ContentCache {
    ContentCache {
        folders: folders.iter().map(|folder| folder.to_path_buf()).collect(),
    }
}

fn folders(variables: &[(&str, &str)]) -> Vec<PathBuf> {
    let cache = ContentCache::of_machine(|name| {
        let found = variables.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| OsString::from(value))
    });
    cache.folders
}

#[test]
fn a_blob_is_found_when_it_is_whole() -> TestResult {
    let directory = tempfile::tempdir()?;
    let cache = cache(&[directory.path()]);
    let blob = Content::of(b"some bytes");
    let mut partial = cache.begin(blob.digest)?;
    partial.write(b"some ")?;
    assert_eq!(cache.find(blob), None);
    partial.write(b"bytes")?;
    let path = partial
        .finish(blob.digest)?
        .map_err(|found| found.to_string())?;
    assert_eq!(cache.find(blob), Some(path.clone()));
    assert_eq!(fs::read(path)?, b"some bytes");
    cache.forget(blob.digest);
    assert_eq!(cache.find(blob), None);
    Ok(())
}

#[test]
fn what_broke_off_goes_on_and_can_begin_again() -> TestResult {
    let directory = tempfile::tempdir()?;
    let cache = cache(&[directory.path()]);
    let blob = Content::of(b"some bytes");
    cache.begin(blob.digest)?.write(b"some ")?;
    let mut partial = cache.begin(blob.digest)?;
    assert_eq!((partial.offset(), partial.is_begun()), (5, true));
    partial.write(b"other")?;
    partial.restart()?;
    partial.write(b"some bytes")?;
    assert!(partial.finish(blob.digest)?.is_ok());
    Ok(())
}

#[test]
fn wrong_bytes_are_not_kept() -> TestResult {
    let directory = tempfile::tempdir()?;
    let cache = cache(&[directory.path()]);
    let blob = Content::of(b"right");
    let mut partial = cache.begin(blob.digest)?;
    partial.write(b"wrong")?;
    assert_eq!(partial.finish(blob.digest)?, Err(Digest::of(b"wrong")));
    assert_eq!(cache.find(blob), None);
    assert_eq!(cache.begin(blob.digest)?.offset(), 0);
    Ok(())
}

#[test]
fn two_who_write_one_blob_do_not_mix_their_bytes() -> TestResult {
    let directory = tempfile::tempdir()?;
    let cache = cache(&[directory.path()]);
    let blob = Content::of(b"some bytes");
    let mut first = cache.begin(blob.digest)?;
    first.write(b"some ")?;
    let mut second = cache.begin(blob.digest)?;
    assert_eq!(second.offset(), 0);
    second.write(b"some bytes")?;
    first.write(b"bytes")?;
    assert!(second.finish(blob.digest)?.is_ok());
    assert!(first.finish(blob.digest)?.is_ok());
    Ok(())
}

#[test]
fn a_folder_that_cannot_be_written_is_still_read() -> TestResult {
    let directory = tempfile::tempdir()?;
    let not_a_folder = directory.path().join("file");
    fs::write(&not_a_folder, "")?;
    let writable = directory.path().join("writable");
    let cache = cache(&[&not_a_folder, &writable]);
    let blob = Content::of(b"bytes");
    let mut partial = cache.begin(blob.digest)?;
    partial.write(b"bytes")?;
    let path = partial
        .finish(blob.digest)?
        .map_err(|found| found.to_string())?;
    assert!(path.starts_with(&writable), "{}", path.display());
    assert_eq!(cache.find(blob), Some(path));
    Ok(())
}

#[test]
fn what_nobody_has_used_for_a_month_goes() -> TestResult {
    let directory = tempfile::tempdir()?;
    let cache = cache(&[directory.path()]);
    let put = |bytes: &[u8]| -> Result<PathBuf, Box<dyn Error>> {
        let digest = Digest::of(bytes);
        let mut partial = cache.begin(digest)?;
        partial.write(bytes)?;
        Ok(partial.finish(digest)?.map_err(|found| found.to_string())?)
    };
    let (old, used) = (put(b"old")?, put(b"used")?);
    for path in [&old, &used] {
        File::open(path)?.set_modified(SystemTime::now() - 2 * OLD)?;
    }
    assert_eq!(cache.find(Content::of(b"used")), Some(used.clone()));
    put(b"new")?;
    assert_eq!((old.exists(), used.exists()), (false, true));
    Ok(())
}

#[test]
fn the_variable_comes_before_the_users_cache() {
    let user = rustix::process::getuid().as_raw();
    let temporary = |folder: &str| PathBuf::from(format!("{folder}/stevedore-content-{user}"));
    for (variables, own, other) in [
        (
            &[("HOME", "/home/me")][..],
            "/home/me/.cache/rules_stevedore/content",
            "/tmp",
        ),
        (
            &[
                ("HOME", "/home/me"),
                ("XDG_CACHE_HOME", "/caches"),
                ("TMPDIR", "/t"),
            ],
            "/caches/rules_stevedore/content",
            "/t",
        ),
        (
            &[
                ("STEVEDORE_CACHE", "/blobs"),
                ("TEST_TMPDIR", "/test"),
                ("TMPDIR", "/t"),
            ],
            "/blobs",
            "/test",
        ),
    ] {
        assert_eq!(folders(variables), [PathBuf::from(own), temporary(other)]);
    }
}
