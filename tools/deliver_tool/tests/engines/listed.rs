//! The engines that a variable tells of.

/// Names and addresses: `docker-20=unix:///a.sock,podman-5=unix:///b.sock;CONTAINERS_CONF=/c`.
pub(crate) const VARIABLE: &str = "STEVEDORE_TEST_ENGINES";

/// An engine that is there for tests.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    /// What it is, as `dev/engine` calls it.
    pub(crate) name: String,
    /// Its address, as `--host` takes it.
    pub(crate) address: String,
    /// What else a client is told, such as where certificates are.
    pub(crate) variables: Vec<(String, String)>,
}

/// All of them.
pub(crate) fn engines() -> Vec<Listed> {
    let list = std::env::var(VARIABLE).unwrap_or_default();
    list.split(',').filter_map(parse).collect()
}

/// The engine with this name, which must be there.
#[allow(dead_code, reason = "for tests of one engine")]
pub(crate) fn engine(name: &str) -> Listed {
    let found = engines().into_iter().find(|engine| engine.name == name);
    found.unwrap_or_else(|| panic!("no engine `{name}` in {VARIABLE}"))
}

fn parse(entry: &str) -> Option<Listed> {
    let mut parts = entry.split(';');
    let (name, address) = parts.next()?.split_once('=')?;
    let variables = parts.filter_map(|part| part.split_once('='));
    Some(Listed {
        name: name.to_owned(),
        address: address.to_owned(),
        variables: variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    })
}
