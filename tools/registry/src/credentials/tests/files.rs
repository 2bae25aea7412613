//! What the files of `docker login` and `podman login` say.

use super::*;

const DOCKER: &str = ".docker/config.json";
const PODMAN: &str = "run/containers/auth.json";
const CONFIG: &str = ".config/containers/auth.json";

/// `auths` with one entry.
fn auths(key: &str, entry: &str) -> String {
    format!(r#"{{"auths": {{"{key}": {entry}}}}}"#)
}

/// An entry with this name, and the password `p:w`.
fn login(user: &str) -> String {
    use base64::Engine as _;
    let auth = base64::prelude::BASE64_STANDARD.encode(format!("{user}:p:w"));
    format!(r#"{{"auth": "{auth}"}}"#)
}

#[tokio::test]
async fn places_are_asked_in_order() {
    let everywhere = |place: Place, names: &[&str]| {
        names.iter().fold(place, |place, name| {
            place.file(name, &auths("ghcr.io", &login(&name.replace('/', "-"))))
        })
    };
    for (files, expected) in [
        (&[DOCKER, PODMAN, CONFIG][..], DOCKER),
        (&[PODMAN, CONFIG], PODMAN),
        (&[CONFIG], CONFIG),
    ] {
        let place = everywhere(Place::new(), files);
        let found = place.found("ghcr.io", "team/app").await;
        assert_eq!(
            found.secret,
            basic(&expected.replace('/', "-"), "p:w"),
            "{files:?}"
        );
        let source = format!("`ghcr.io` in `auths` of `~/{expected}`");
        assert_eq!(found.source.to_string(), source);
    }
    let place = everywhere(Place::new(), &[DOCKER, "named.json"]);
    let named = place.path("named.json");
    let place = place.set("REGISTRY_AUTH_FILE", named);
    let found = place.found("ghcr.io", "team/app").await;
    assert_eq!(found.secret, basic("named.json", "p:w"));
}

#[tokio::test]
async fn variables_move_the_files() {
    let place = Place::new()
        .file("d/config.json", &auths("a.io", &login("d")))
        .file("x/containers/auth.json", &auths("b.io", &login("x")))
        .file(DOCKER, &auths("a.io", &login("wrong")));
    let (docker, config) = (place.path("d"), place.path("x"));
    let place = place
        .set("DOCKER_CONFIG", docker)
        .set("XDG_CONFIG_HOME", config)
        .set("DOCKER_AUTH_CONFIG", auths("c.io", &login("variable")));
    for (registry, user) in [("a.io", "d"), ("b.io", "x"), ("c.io", "variable")] {
        let found = place.found(registry, "app").await;
        assert_eq!(found.secret, basic(user, "p:w"), "{registry}");
    }
}

#[tokio::test]
async fn nobody_who_knows_the_registry_means_anonymous() {
    let place = Place::new().file(DOCKER, &auths("ghcr.io", &login("x")));
    let found = place.found("quay.io", "app").await;
    assert_eq!(found.secret, Secret::None);
    assert_eq!(
        found.source.to_string(),
        format!(
            "anonymous: none of `~/{DOCKER}`, `~/{PODMAN}`, `~/{CONFIG}` has credentials for `quay.io`"
        )
    );
    let place = Place::new().set("XDG_RUNTIME_DIR", "");
    let source = place.found("quay.io", "app").await.source.to_string();
    let usual = "`/run/containers/4000000/auth.json`";
    assert!(source.contains(usual), "{source}");
}

#[tokio::test]
async fn an_entry_of_any_form_is_understood() {
    for (entry, expected) in [
        (login("me"), basic("me", "p:w")),
        // A token as a password, as Azure has it, without one and without padding.
        (r#"{"auth": "bWU6"}"#.into(), basic("me", "")),
        (r#"{"auth": "bWU6cHc"}"#.into(), basic("me", "pw")),
        (
            r#"{"username": "me", "password": "pw", "email": null}"#.into(),
            basic("me", "pw"),
        ),
        (
            r#"{"auth": "bWU6", "identitytoken": "id"}"#.into(),
            Secret::IdentityToken("id".into()),
        ),
        (
            r#"{"identitytoken": "id", "registrytoken": "reg"}"#.into(),
            Secret::RegistryToken("reg".into()),
        ),
        ("{}".into(), Secret::None),
        (r#"{"auth": ""}"#.into(), Secret::None),
    ] {
        let place = Place::new().file(DOCKER, &auths("ghcr.io", &entry));
        let found = place.found("ghcr.io", "app").await;
        assert_eq!(found.secret, expected, "{entry}");
    }
}

#[tokio::test]
async fn keys_may_be_addresses_or_parts_of_a_registry() {
    let entries = [
        ("https://index.docker.io/v1/", "hub"),
        ("https://old.io/v2/", "old"),
        ("quay.io", "all"),
        ("quay.io/team", "team"),
        ("quay.io/team/app", "app"),
        ("https://both.io", "scheme"),
        ("both.io", "exact"),
    ];
    let entries = entries.map(|(key, user)| format!(r#""{key}": {}"#, login(user)));
    let content = format!(r#"{{"auths": {{{}}}}}"#, entries.join(", "));
    let place = Place::new().file(PODMAN, &content);
    for (registry, repository, user) in [
        ("docker.io", "library/app", "hub"),
        ("old.io", "app", "old"),
        ("quay.io", "team/app", "app"),
        ("quay.io", "team/app/part", "app"),
        ("quay.io", "team/other", "team"),
        ("quay.io", "teammate/app", "all"),
        ("both.io", "app", "exact"),
    ] {
        let found = place.found(registry, repository).await;
        assert_eq!(found.secret, basic(user, "p:w"), "{registry} {repository}");
    }
    let found = place.found("quay.io:5000", "team/app").await;
    assert_eq!(found.secret, Secret::None);
}

#[tokio::test]
async fn files_that_make_no_sense_are_named_without_their_content() {
    let secret = |text: &str| text.replace("SECRET", PASSWORD);
    for (content, expected) in [
        (
            secret("{\"auths\":\n {\"x\": SECRET}}"),
            "are malformed: line 2, column 8",
        ),
        (secret(r#""SECRET""#), "are malformed: line 1"),
        (
            secret(r#"{"credHelpers": {"x": {"y": "SECRET"}}}"#),
            "are malformed: line 1",
        ),
        (
            auths("ghcr.io", &secret(r#"{"auth": "SECRET!"}"#)),
            "`ghcr.io` in `auths` of `~/.docker/config.json` is malformed: `auth` is not base64; log in again",
        ),
        (
            auths("ghcr.io", r#"{"auth": "aHVudGVyMi1zZWNyZXQ="}"#),
            "`auth` is not base64 of `user:password`",
        ),
        (
            auths("ghcr.io", &secret(r#"{"auth": ["SECRET"]}"#)),
            "it is no JSON object of strings",
        ),
    ] {
        let place = Place::new().file(DOCKER, &content);
        let error = place.error("ghcr.io").await;
        assert!(error.contains("`~/.docker/config.json`"), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn entries_of_other_registries_may_be_malformed() {
    let place = Place::new().file(DOCKER, &auths("quay.io", r#"{"auth": 7}"#));
    assert_eq!(place.found("ghcr.io", "app").await.secret, Secret::None);
}

#[tokio::test]
async fn an_empty_file_says_nothing() {
    let place = Place::new().file(DOCKER, "\n").file(PODMAN, "{}");
    assert_eq!(place.found("ghcr.io", "app").await.secret, Secret::None);
}

#[tokio::test]
async fn a_file_that_somebody_has_named_is_there() {
    let place = Place::new();
    let missing = place.path("missing.json");
    let place = place.set("REGISTRY_AUTH_FILE", missing);
    let error = place.error("ghcr.io").await;
    assert!(
        error.starts_with("failed to read the credentials in `~/missing.json`\nNo such file"),
        "{error}"
    );
}

#[tokio::test]
async fn no_secret_is_printed() {
    let content = auths(
        "ghcr.io",
        &format!(r#"{{"username": "me", "password": "{PASSWORD}"}}"#),
    );
    let found = Place::new()
        .file(DOCKER, &content)
        .found("ghcr.io", "app")
        .await;
    assert_eq!(found.secret, basic("me", PASSWORD));
    for secret in [
        found.secret.clone(),
        Secret::IdentityToken(PASSWORD.into()),
        Secret::RegistryToken(PASSWORD.into()),
        Secret::Headers(vec![("a".into(), PASSWORD.into())]),
    ] {
        let shown = format!("{secret:?}");
        assert!(!shown.contains(PASSWORD), "{shown}");
    }
    let shown = format!("{found:?} {}", found.source);
    assert!(!shown.contains(PASSWORD), "{shown}");
}
