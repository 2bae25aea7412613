//! What is run on top of the base.

use std::path::Path;

/// Where the packages are seen.
pub(super) const PACKAGES_AT: &str = "/in/packages";

/// A command, and what it needs.
#[derive(Debug)]
pub(super) struct Change {
    /// What the rows about it are called.
    pub(super) title: &'static str,
    /// What `/bin/sh -e -c` runs.
    pub(super) shell: &'static str,
    /// Whether it reads the packages.
    pub(super) wants_packages: bool,
    /// Whether it takes seconds.
    pub(super) is_slow: bool,
}

/// As little as there is.
pub(super) const ONE_FILE: Change = Change {
    title: "one small file",
    shell: "echo hello > /etc/greeting",
    wants_packages: false,
    is_slow: false,
};

/// What people do. Files that tell the time, or the order of a directory, go: two runs are to give the same.
pub(super) const INSTALL: Change = Change {
    title: "apt-get install",
    shell: "DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends /in/packages/*.deb; \
            rm -rf /var/cache/ldconfig/aux-cache /var/cache/apt/*.bin /var/log/apt /var/log/*.log",
    wants_packages: true,
    is_slow: true,
};

impl Change {
    /// A Dockerfile in whose context the folder `packages` is. The classic builder cannot mount it: a layer of its own has it.
    pub(super) fn dockerfile(&self, base: &str, can_mount: bool) -> String {
        let (copied, mounted) = match (self.wants_packages, can_mount) {
            (false, _) => (String::new(), String::new()),
            (true, false) => (format!("COPY packages {PACKAGES_AT}\n"), String::new()),
            (true, true) => (
                String::new(),
                format!("--mount=type=bind,source=packages,target={PACKAGES_AT} "),
            ),
        };
        format!("FROM {base}\n{copied}RUN {mounted}set -e; {}\n", self.shell)
    }

    /// Flags that mount the packages read-only, for `docker run` and `buildah run`.
    pub(super) fn volume(&self, packages: &Path) -> Vec<String> {
        match self.wants_packages {
            true => vec![
                "--volume".to_owned(),
                format!("{}:{PACKAGES_AT}:ro", packages.display()),
            ],
            false => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_builder_that_cannot_mount_copies() {
        let copying = INSTALL.dockerfile("base", false);
        assert!(copying.contains("\nCOPY packages /in/packages\nRUN set -e; DEB"));
        let mounting = INSTALL.dockerfile("base", true);
        assert!(mounting.starts_with(
            "FROM base\nRUN --mount=type=bind,source=packages,target=/in/packages set"
        ));
        let neither = ONE_FILE.dockerfile("base", true);
        assert_eq!(
            neither,
            "FROM base\nRUN set -e; echo hello > /etc/greeting\n"
        );
    }
}
