//! What helper programs say.

use std::time::Instant;

use super::*;

const DOCKER: &str = ".docker/config.json";
const NONE: &str = "echo 'credentials not found in native keychain'; exit 1";

/// A script that says so of itself, and gives these.
fn gives(user: &str, secret: &str) -> String {
    format!(
        "echo \"$0 $1 $(cat)\" >>\"${{0%/*}}/calls\"
         echo '{{\"ServerURL\": \"x\", \"Username\": \"{user}\", \"Secret\": \"{secret}\"}}'"
    )
}

/// A Docker CLI's config whose helper for `ghcr.io` is this script.
fn with_helper(script: &str) -> Place {
    Place::new()
        .program("docker-credential-test", script)
        .file(DOCKER, r#"{"credHelpers": {"ghcr.io": "test"}}"#)
}

#[tokio::test]
async fn the_registrys_helper_has_the_first_word_and_the_store_the_last() {
    let place = Place::new()
        .program("docker-credential-one", &gives("one", "1"))
        .program("docker-credential-all", &gives("all", "2"))
        .file(
            DOCKER,
            r#"{"credHelpers": {"one.io": "one", "plain.io": ""}, "credsStore": "all",
                "auths": {"one.io": {"auth": "ZW50cnk6cHc="}, "entry.io": {"auth": "ZW50cnk6cHc="},
                          "other.io": {}, "plain.io": {}}}"#,
        );
    for (registry, user, password, source) in [
        (
            "one.io",
            "one",
            "1",
            "`credHelpers` of `~/.docker/config.json` (`docker-credential-one`)",
        ),
        (
            "entry.io",
            "entry",
            "pw",
            "`entry.io` in `auths` of `~/.docker/config.json`",
        ),
        (
            "other.io",
            "all",
            "2",
            "`credsStore` of `~/.docker/config.json` (`docker-credential-all`)",
        ),
    ] {
        let found = place.found(registry, "app").await;
        assert_eq!(found.secret, basic(user, password), "{registry}");
        assert_eq!(found.source.to_string(), source);
    }
    // An empty name takes a registry out.
    assert_eq!(place.found("plain.io", "app").await.secret, Secret::None);
}

#[tokio::test]
async fn a_helper_is_told_the_registry_as_docker_tells_it() {
    let calls = |place: &Place| {
        let bin = place.path("bin/docker-credential-all");
        place
            .written("bin/calls")
            .replace(bin.to_str().unwrap(), "X")
    };
    for (content, registry, expected) in [
        (
            r#"{"credsStore": "all"}"#,
            "localhost:5000",
            "X get localhost:5000\n",
        ),
        (
            r#"{"credsStore": "all"}"#,
            "docker.io",
            "X get https://index.docker.io/v1/\n",
        ),
        (
            r#"{"credHelpers": {"docker.io": "all"}}"#,
            "docker.io",
            "X get docker.io\n",
        ),
        (
            r#"{"credHelpers": {"https://index.docker.io/v1/": "all"}}"#,
            "docker.io",
            "X get https://index.docker.io/v1/\n",
        ),
    ] {
        let place = Place::new()
            .program("docker-credential-all", &gives("me", "pw"))
            .file(DOCKER, content);
        assert_eq!(place.found(registry, "app").await.secret, basic("me", "pw"));
        assert_eq!(calls(&place), expected, "{content}");
    }
}

#[tokio::test]
async fn a_token_is_told_from_a_password() {
    let place = with_helper(&gives("<token>", "id"));
    let found = place.found("ghcr.io", "app").await;
    assert_eq!(found.secret, Secret::IdentityToken("id".into()));
}

#[tokio::test]
async fn a_helper_without_credentials_is_passed_over() {
    for script in [NONE, &gives("", "")] {
        let place = with_helper(script).file(
            "run/containers/auth.json",
            r#"{"auths": {"ghcr.io": {"auth": "ZW50cnk6cHc="}}}"#,
        );
        let found = place.found("ghcr.io", "app").await;
        assert_eq!(found.secret, basic("entry", "pw"), "{script}");
    }
}

#[tokio::test]
async fn a_helper_is_asked_once_for_a_registry() {
    let place = with_helper(&format!("sleep 0.1; {}", gives("me", "pw")));
    let sources = place.sources();
    let find = |repository| sources.find("ghcr.io", repository, "https://ghcr.io/v2/");
    let (first, second) = tokio::join!(find("a"), find("b"));
    assert_eq!(first.unwrap().secret, second.unwrap().secret);
    find("c").await.unwrap();
    assert_eq!(place.written("bin/calls").lines().count(), 1);
}

#[tokio::test]
async fn a_helper_that_is_missing_is_named() {
    let place = Place::new().file(DOCKER, r#"{"credsStore": "desktop.exe"}"#);
    assert_eq!(
        place.error("ghcr.io").await,
        "failed to get credentials for `ghcr.io` from `docker-credential-desktop.exe`, which `credsStore` of \
         `~/.docker/config.json` names\n\
         there is no such program on `PATH`; install it, or take it out of the settings"
    );
}

#[tokio::test]
async fn a_helper_that_fails_is_quoted_from_its_standard_error_alone() {
    let script = format!("echo {PASSWORD}; printf 'a\\n\\033[31mno login\\n' >&2; exit 3");
    let error = with_helper(&script).error("ghcr.io").await;
    assert!(
        error.ends_with("\nit failed (exit status: 3)\n  a\n  [31mno login"),
        "{error}"
    );
    let script = format!("echo {PASSWORD}; exit 4");
    let error = with_helper(&script).error("ghcr.io").await;
    assert!(
        error.ends_with("(exit status: 4) and wrote nothing to its standard error; run it by hand to see what it says"),
        "{error}"
    );
}

#[tokio::test]
async fn only_the_end_of_a_long_standard_error_is_shown() {
    let script = "i=0; while [ $i -lt 3000 ]; do echo \"line $i\"; i=$((i+1)); done >&2; exit 1";
    let error = with_helper(script).error("ghcr.io").await;
    assert!(
        error.ends_with(
            "(exit status: 1)\n  line 2995\n  line 2996\n  line 2997\n  line 2998\n  line 2999"
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_helper_that_hangs_is_killed_with_all_that_it_has_started() {
    let script =
        "echo waiting >&2; sleep 600 & echo $! >\"${0%/*}/child\"; echo $$ >\"${0%/*}/own\"; wait";
    let mut place = with_helper(script);
    place.patience = Duration::from_secs(1);
    let started = Instant::now();
    let error = place.error("ghcr.io").await;
    assert!(
        error.ends_with("it has not ended after 1 s, and was killed\n  waiting"),
        "{error}"
    );
    assert!(started.elapsed() < Duration::from_secs(10));
    for file in ["bin/own", "bin/child"] {
        assert!(has_ended(place.written(file).trim()), "{file}");
    }
}

/// Whether a process is gone, or about to be taken out of the table by whoever has inherited it.
fn has_ended(process: &str) -> bool {
    let deadline = Instant::now() + Duration::from_secs(5);
    while Instant::now() < deadline {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        if stat.is_empty() || stat.contains(") Z ") {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

#[tokio::test]
async fn a_helper_whose_future_is_dropped_does_not_go_on() {
    let place = with_helper("echo $$ >\"${0%/*}/own\"; sleep 600");
    {
        let sources = place.sources();
        let finding = sources.find("ghcr.io", "app", "https://ghcr.io/");
        let waiting = async {
            while place.written("bin/own").is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            found = finding => panic!("{found:?}"),
            () = waiting => {}
        }
    }
    assert!(has_ended(place.written("bin/own").trim()));
}

#[tokio::test]
async fn an_agent_that_a_helper_leaves_behind_is_not_waited_for() {
    let script = format!(
        "sleep 600 & echo $! >\"${{0%/*}}/agent\"; {}",
        gives("me", "pw")
    );
    let place = with_helper(&script);
    let started = Instant::now();
    let found = place.found("ghcr.io", "app").await;
    assert_eq!(found.secret, basic("me", "pw"));
    assert!(started.elapsed() < Duration::from_secs(10));
    let agent = place.written("bin/agent");
    let killed = Command::new("kill").arg(agent.trim()).status().unwrap();
    assert!(killed.success(), "the agent was killed");
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_not_quoted() {
    for (script, reason) in [
        (
            format!("echo {PASSWORD}"),
            "it is no JSON object with `Username` and `Secret`",
        ),
        (format!("echo '[\"{PASSWORD}\"]'"), "it is no JSON object"),
        (String::new(), "it is no JSON object"),
        (
            "head -c 2000000 /dev/zero".to_owned(),
            "it is longer than 1 MiB",
        ),
        (
            format!("echo '{{\"Username\": \"{PASSWORD}\", \"Secret\": 7}}'"),
            "it is no JSON object",
        ),
    ] {
        let error = with_helper(&script).error("ghcr.io").await;
        let expected = format!("its answer makes no sense: {reason}");
        assert!(error.contains(&expected), "{error}");
    }
}

#[tokio::test]
async fn a_bazel_helper_gives_headers() {
    let place = Place::new()
        .program(
            "helper",
            "echo \"$1 $(cat)\" >\"${0%/*}/calls\"
             echo '{\"headers\": {\"Authorization\": [\"Bearer x\"], \"X-B\": [\"1\", \"2\"]}, \"expires\": \"2030-01-01T00:00:00Z\"}'",
        )
        .rule("*.io=helper")
        .file(DOCKER, r#"{"auths": {"ghcr.io": {"auth": "ZW50cnk6cHc="}}}"#);
    let found = place.found("ghcr.io", "app").await;
    let headers = [("Authorization", "Bearer x"), ("X-B", "1"), ("X-B", "2")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(found.secret, Secret::Headers(headers.to_vec()));
    assert_eq!(found.source.to_string(), "the credential helper `helper`");
    let call = "get {\"uri\":\"https://ghcr.io/v2/app/\"}\n";
    assert_eq!(place.written("bin/calls"), call);
    // The pattern is for others.
    assert_eq!(place.found("localhost", "app").await.secret, Secret::None);
}

#[tokio::test]
async fn a_bazel_helper_without_headers_is_passed_over() {
    for answer in ["{}", "{\"headers\": {}}", "{\"headers\": {\"a\": []}}"] {
        let place = Place::new()
            .program("helper", &format!("echo '{answer}'"))
            .rule("helper")
            .file(
                DOCKER,
                r#"{"auths": {"ghcr.io": {"auth": "ZW50cnk6cHc="}}}"#,
            );
        let found = place.found("ghcr.io", "app").await;
        assert_eq!(found.secret, basic("entry", "pw"), "{answer}");
        let source = place.found("quay.io", "app").await.source.to_string();
        let asked = "anonymous: none of the credential helper `helper`, `~/.docker/config.json`";
        assert!(source.starts_with(asked), "{source}");
    }
}

#[tokio::test]
async fn bazel_helpers_are_named_by_a_variable_too() {
    let place = Place::new()
        .program("a", "echo '{\"headers\": {\"h\": [\"a\"]}}'")
        .program("b", "echo '{\"headers\": {\"h\": [\"b\"]}}'");
    let workspace = place.path("");
    let place = place
        .set("BUILD_WORKSPACE_DIRECTORY", &workspace)
        .set("BUILD_WORKING_DIRECTORY", workspace.join("bin"))
        .set(
            "STEVEDORE_CREDENTIAL_HELPER",
            "one.io=%workspace%/bin/a  two.io=./a three.io=a",
        )
        .rule("two.io=b");
    for (registry, value) in [("one.io", "a"), ("two.io", "b"), ("three.io", "a")] {
        let found = place.found(registry, "app").await;
        let headers = vec![("h".to_owned(), value.to_owned())];
        assert_eq!(found.secret, Secret::Headers(headers), "{registry}");
    }
    let place = place.set("STEVEDORE_CREDENTIAL_HELPER", "one.io=");
    let error = place.error("one.io").await;
    assert!(
        error.starts_with("`one.io=` names no credential helper: there is no path"),
        "{error}"
    );
}

#[tokio::test]
async fn a_bazel_helper_that_does_not_work_is_named() {
    let place = Place::new()
        .program("fails", "echo no >&2; exit 1")
        .program("bad", "echo '{\"headers\": {\"a b\": [\"x\"]}}'")
        .rule("a.io=fails")
        .rule("b.io=bad")
        .rule("c.io=missing")
        .rule("d.io=/no/such/helper")
        .rule("e.io=%workspace%/helper");
    for (registry, expected) in [
        (
            "a.io",
            "from `fails`, which `--credential-helper` names\nit failed (exit status: 1)\n  no",
        ),
        (
            "b.io",
            "its answer makes no sense: one of its headers is no HTTP header",
        ),
        ("c.io", "there is no such program on `PATH`"),
        ("d.io", "it cannot be started\nNo such file or directory"),
        ("e.io", "`BUILD_WORKSPACE_DIRECTORY` is not set"),
    ] {
        let error = place.error(registry).await;
        assert!(error.contains(expected), "{error}");
    }
}
