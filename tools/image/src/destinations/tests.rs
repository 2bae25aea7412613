use super::*;
use crate::status::tests::status;

fn wanted(repository: &str, tags: &[&str], references: &[&str]) -> Wanted {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Wanted {
        repository: Some(repository.to_owned()).filter(|text| !text.is_empty()),
        tags: owned(tags),
        references: owned(references),
    }
}

/// `REPOSITORY:TAG,TAG` for each.
fn shown(destinations: &[Destination]) -> Vec<String> {
    destinations
        .iter()
        .map(|destination| {
            let tags: Vec<&str> = destination.tags.iter().map(Tag::as_str).collect();
            format!("{}:{}", destination.repository, tags.join(","))
        })
        .collect()
}

#[test]
fn placeholders_are_replaced_everywhere() {
    let status = status("ORG acme\nSTABLE_VERSION 1.2\n");
    let tags = ["v{{STABLE_VERSION}}", "", "# released", " latest "];
    let destinations = wanted("ghcr.io/{{ORG}}/app", &tags, &[]).resolve(&status);
    assert_eq!(
        shown(&destinations.unwrap()),
        ["ghcr.io/acme/app:v1.2,latest"]
    );
    let destinations = wanted("", &[], &["x.io/{{ORG}}:{{STABLE_VERSION}}"]).resolve(&status);
    assert_eq!(shown(&destinations.unwrap()), ["x.io/acme:1.2"]);
}

#[test]
fn references_of_one_repository_are_one_destination() {
    let references = [
        "localhost:5000/app:v1",
        "app",
        "localhost:5000/app:v2",
        "localhost:5000/app",
        "docker.io/library/app:v1",
    ];
    let destinations = wanted("", &[], &references)
        .resolve(&Status::default())
        .unwrap();
    assert_eq!(shown(&destinations), ["localhost:5000/app:v1,v2", "app:v1"]);
    let text = serde_json::to_string(&destinations[1..]).unwrap();
    assert_eq!(text, r#"[{"repository":"app","tags":["v1"]}]"#);
}

#[test]
fn without_a_tag_there_is_only_the_repository() {
    let destinations = wanted("localhost:5000/app", &[], &[])
        .resolve(&Status::default())
        .unwrap();
    assert_eq!(shown(&destinations), ["localhost:5000/app:"]);
}

#[test]
fn placeholders_may_come_out_the_same() {
    let destinations = wanted("app", &["{{A}}", "{{B}}"], &[])
        .resolve(&Status::default())
        .unwrap();
    assert_eq!(shown(&destinations), ["app:unstamped"]);
}

#[test]
fn what_cannot_be_a_destination_is_refused() {
    let long = "x".repeat(129);
    let digest = format!("app@{}", crate::digest::Digest::of(b""));
    let cases = [
        (wanted("a:v1", &[], &[]), "by `remote_tags`"),
        (wanted("A", &["v1"], &[]), "`A` is not a repository"),
        (
            wanted("a", &["v1", &long], &[]),
            "x` (129 characters) is not a tag",
        ),
        (
            wanted("a", &["b:v1"], &[]),
            "`b:v1` (4 characters) is not a tag",
        ),
        (
            wanted("a", &["v1", "v2", "v1"], &[]),
            "`v1` was given before",
        ),
        (
            wanted("a", &["{{A}}", "{{A}}"], &[]),
            "`{{A}}` was given before",
        ),
        (wanted("a", &["{{A"], &[]), "`{{` without `}}`"),
        (wanted("", &[], &["a:"]), "`` (0 characters) is not a tag"),
        (
            wanted("", &[], &["a:v1", "docker.io/library/a:v1"]),
            "`docker.io/library/a:v1` was given before, as `a:v1`",
        ),
        (wanted("", &[], &["A:v1"]), "`A` is not a repository"),
        (wanted("", &[], &[&digest]), "has a digest"),
    ];
    for (wanted, expected) in cases {
        let error = wanted.resolve(&Status::default()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let error = wanted("a", &["{{B}}"], &[]).resolve(&status("A 1\n"));
    assert!(error.unwrap_err().to_string().contains("`{{B}}`"));
}

#[test]
fn two_images_do_not_share_a_tag() {
    let image = |label: &str, references: &[&str]| {
        let destinations = wanted("", &[], references).resolve(&Status::default());
        (label.to_owned(), destinations.unwrap())
    };
    let images = [
        image("//:a", &["x.io/app:a", "x.io/app"]),
        image("//:b", &["x.io/app:b", "x.io/app", "x.io/other:a"]),
    ];
    check_distinct(&images).unwrap();
    let images = [
        image("//:a", &["app:{{A}}"]),
        image("//:b", &["docker.io/library/app:{{B}}"]),
    ];
    let error = check_distinct(&images).unwrap_err().to_string();
    assert!(
        error.starts_with("`app:unstamped` is where two images are pushed to, `//:a` and `//:b`"),
        "{error}"
    );
}

#[test]
fn a_file_names_one_repository() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("repository.txt");
    fs::write(&path, "# where it goes\n\n ghcr.io/x/app \n").unwrap();
    assert_eq!(repository_in_file(&path).unwrap(), "ghcr.io/x/app");
    for (text, count) in [("", 0), ("a\nb\n", 2)] {
        fs::write(&path, text).unwrap();
        let error = repository_in_file(&path).unwrap_err().to_string();
        assert!(error.contains(&format!("has {count} lines")), "{error}");
    }
}

#[test]
fn the_file_is_read_as_it_was_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("destinations.json");
    fs::write(&path, r#"[{"repository":"ghcr.io/x/app","tags":["v1"]}]"#).unwrap();
    assert_eq!(shown(&load(&path).unwrap()), ["ghcr.io/x/app:v1"]);
    for text in [
        r#"[{"repository":"X","tags":[]}]"#,
        r#"[{"repository":"x","tags":["a b"]}]"#,
        r#"[{"repository":"x","tags":[],"digest":1}]"#,
        "{}",
    ] {
        fs::write(&path, text).unwrap();
        let error = load(&path).unwrap_err().to_string();
        assert!(error.contains("destinations.json"), "{error}");
    }
}
