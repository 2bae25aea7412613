//! testcontainers' reaper: a container, of an image of its own, that removes the others when the test has ended.

use std::env;
use std::ffi::{OsStr, OsString};
use std::process::Command;

use stevedore_engine::Address;

/// The variables that name its image: of testcontainers for Java and .NET, and of those for Python and Node.
const IMAGES: [&str; 2] = [
    "TESTCONTAINERS_RYUK_CONTAINER_IMAGE",
    "RYUK_CONTAINER_IMAGE",
];

/// Turns it off, in all of them.
const DISABLED: &str = "TESTCONTAINERS_RYUK_DISABLED";

/// The engine's socket as the engine itself sees it: the reaper gets it mounted.
const SOCKET: &str = "TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE";

/// What the test that `command` starts has to know of the reaper: which image it is, or, where nothing says that, that there is none,
/// since nobody may pull it.
pub(super) fn variables(command: &Command, address: &Address) -> Vec<(&'static str, OsString)> {
    let value = |name: &str| value(command, name);
    let Some(image) = IMAGES.iter().find_map(|name| value(name)) else {
        return match value(DISABLED) {
            Some(_) => Vec::new(),
            None => vec![(DISABLED, "true".into())],
        };
    };
    let mut variables: Vec<(&str, OsString)> = IMAGES
        .into_iter()
        .filter(|name| value(name).is_none())
        .map(|name| (name, image.clone()))
        .collect();
    if let (Address::Unix(socket), None) = (address, value(SOCKET)) {
        // That of Docker Desktop is another one inside its virtual machine.
        if !socket
            .components()
            .any(|part| part.as_os_str() == ".docker")
        {
            variables.push((SOCKET, socket.into()));
        }
    }
    variables
}

/// The value that a variable will have in the test.
fn value(command: &Command, name: &str) -> Option<OsString> {
    let set = command.get_envs().find(|(key, _)| *key == OsStr::new(name));
    match set {
        Some((_, value)) => value.map(OsStr::to_owned),
        None => env::var_os(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(images: &[(&str, &str)], socket: &str) -> Vec<(&'static str, OsString)> {
        let mut command = Command::new("test");
        command.envs(images.iter().copied());
        variables(&command, &Address::Unix(socket.into()))
    }

    #[test]
    fn without_an_image_there_is_no_reaper() {
        assert_eq!(of(&[], "/s"), [(DISABLED, "true".into())]);
        assert_eq!(of(&[(DISABLED, "false")], "/s"), []);
    }

    #[test]
    fn its_image_is_told_to_all_libraries() {
        for (given, other) in [(0, 1), (1, 0)] {
            let found = of(&[(IMAGES[given], "ryuk:1")], "/run/user/1/docker.sock");
            let expected = [
                (IMAGES[other], OsString::from("ryuk:1")),
                (SOCKET, "/run/user/1/docker.sock".into()),
            ];
            assert_eq!(found, expected);
        }
        let desktop = of(&[(IMAGES[0], "ryuk:1")], "/home/me/.docker/run/docker.sock");
        assert_eq!(desktop, [(IMAGES[1], "ryuk:1".into())]);
    }
}
