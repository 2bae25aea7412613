//! The registries that a variable tells of.

/// Names and addresses: `distribution-3=127.0.0.1:5000,distribution-2@tls=127.0.0.1:5001;ca=/ca.pem`.
pub(crate) const VARIABLE: &str = "STEVEDORE_TEST_REGISTRIES";

/// A registry that is there for tests.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    /// What it is, as `dev/registry` calls it.
    pub(crate) name: String,
    /// Host and port.
    pub(crate) address: String,
    facts: Vec<(String, String)>,
}

impl Listed {
    /// What one has to know to use it, such as a password.
    #[track_caller]
    pub(crate) fn fact(&self, key: &str) -> &str {
        let found = self.facts.iter().find(|(name, _)| name == key);
        let found =
            found.unwrap_or_else(|| panic!("{VARIABLE} has no `{key}` for `{}`", self.name));
        &found.1
    }
}

/// All of them.
pub(crate) fn registries() -> Vec<Listed> {
    let list = std::env::var(VARIABLE).unwrap_or_default();
    list.split(',').filter_map(parse).collect()
}

/// The registry with this name, which must be there.
#[track_caller]
pub(crate) fn registry(name: &str) -> Listed {
    let found = registries().into_iter().find(|found| found.name == name);
    found.unwrap_or_else(|| panic!("no registry `{name}` in {VARIABLE}"))
}

fn parse(entry: &str) -> Option<Listed> {
    let mut parts = entry.split(';');
    let (name, address) = parts.next()?.split_once('=')?;
    let facts = parts.filter_map(|part| part.split_once('='));
    Some(Listed {
        name: name.to_owned(),
        address: address.to_owned(),
        facts: facts
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    })
}
