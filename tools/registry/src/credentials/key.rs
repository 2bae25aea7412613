//! The names under which files have a registry.

/// The name that the Docker CLI gives Docker Hub: `authConfigKey` in its
/// [`cli/config/configfile/file.go`](https://github.com/docker/cli/blob/v29.7.2/cli/config/configfile/file.go), line 26.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// The address of `registry` that a helper is told.
pub(super) fn server(registry: &str) -> &str {
    match registry {
        "docker.io" => DOCKER_HUB,
        registry => registry,
    }
}

/// The exact keys under which an entry may be, the most specific one first.
///
/// `authKeyLookupOrder` in containers/image's
/// [`pkg/docker/config/config.go`](https://github.com/containers/image/blob/v5.36.1/pkg/docker/config/config.go), line 857.
pub(super) fn exact(registry: &str, repository: &str) -> Vec<String> {
    let whole = format!("{registry}/{repository}");
    let slashes = whole.rmatch_indices('/').map(|(at, _)| at);
    let ends = std::iter::once(whole.len()).chain(slashes);
    let mut keys: Vec<String> = ends
        .filter(|end| *end >= registry.len())
        .map(|end| whole[..end].to_owned())
        .collect();
    if server(registry) != registry {
        keys.push(server(registry).to_owned());
    }
    keys
}

/// Whether `key` names `registry`, with a scheme or with the API's version.
///
/// As `normalizeAuthFileKey` (line 907 of the same file), and as `ConvertToHostname` in the Docker CLI's
/// `cli/config/credentials/file_store.go`, line 110: but a path behind a name without a scheme is podman's, and means a
/// part of the registry.
pub(super) fn names(key: &str, registry: &str) -> bool {
    let stripped = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"));
    let host = match stripped {
        Some(rest) => rest.split('/').next().unwrap_or_default(),
        None => {
            let rest = key.trim_end_matches('/');
            let versions = ["/v1", "/v2"];
            let host = versions.iter().find_map(|end| rest.strip_suffix(end));
            host.unwrap_or(rest)
        }
    };
    canonical(host) == canonical(registry)
}

fn canonical(host: &str) -> &str {
    match host {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        host => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_key_comes_first() {
        assert_eq!(
            exact("quay.io:443", "a/b/c"),
            [
                "quay.io:443/a/b/c",
                "quay.io:443/a/b",
                "quay.io:443/a",
                "quay.io:443"
            ]
        );
        assert_eq!(
            exact("docker.io", "library/app"),
            [
                "docker.io/library/app",
                "docker.io/library",
                "docker.io",
                DOCKER_HUB
            ]
        );
    }

    #[test]
    fn keys_with_a_scheme_or_a_version_name_the_registry() {
        for (key, registry, expected) in [
            ("https://ghcr.io", "ghcr.io", true),
            ("http://ghcr.io/", "ghcr.io", true),
            ("https://ghcr.io/v2/", "ghcr.io", true),
            ("ghcr.io/v1/", "ghcr.io", true),
            ("ghcr.io/v2", "ghcr.io", true),
            ("ghcr.io/team", "ghcr.io", false),
            ("https://ghcr.io:443", "ghcr.io", false),
            ("https://localhost:5000/v2/", "localhost:5000", true),
            (DOCKER_HUB, "docker.io", true),
            ("index.docker.io", "docker.io", true),
            ("registry-1.docker.io", "docker.io", true),
            ("docker.io.example.com", "docker.io", false),
        ] {
            assert_eq!(names(key, registry), expected, "{key} for {registry}");
        }
    }
}
