//! The variables that tell a test which engine has its images.

use std::env;

use stevedore_engine::Address;

/// What leads every client of the Docker API to the engine at `address`; nothing if the environment does already, or if that is no
/// Docker API.
pub(super) fn of(address: &Address) -> Vec<(&'static str, String)> {
    match env::var_os("DOCKER_HOST").is_some_and(|host| !host.is_empty()) {
        true => Vec::new(),
        false => docker_host(address),
    }
}

fn docker_host(address: &Address) -> Vec<(&'static str, String)> {
    let host = |text: String| vec![("DOCKER_HOST", text)];
    match address {
        Address::Unix(_) | Address::Tcp { .. } | Address::Ssh(_) => host(address.to_string()),
        Address::Tls { files, .. } => {
            let client = files.client.as_ref().map(|client| &client.certificate);
            let Some(folder) = files.ca.first().or(client).and_then(|file| file.parent()) else {
                // Without a folder of certificates clients take it for an engine without TLS.
                return Vec::new();
            };
            // Clients know `https` by these variables.
            let mut variables = host(address.to_string().replacen("https", "tcp", 1));
            variables.push(("DOCKER_CERT_PATH", folder.display().to_string()));
            if !files.skip_verify {
                variables.push(("DOCKER_TLS_VERIFY", "1".to_owned()));
            }
            variables
        }
        Address::Containerd { .. } | Address::PodmanCommand { .. } => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stevedore_wire::TlsFiles;

    #[test]
    fn a_socket_is_the_docker_host() -> Result<(), stevedore_engine::AddressError> {
        assert_eq!(
            docker_host(&"/run/podman/podman.sock".parse()?),
            [("DOCKER_HOST", "unix:///run/podman/podman.sock".to_owned())]
        );
        assert_eq!(docker_host(&"podman:".parse()?), []);
        Ok(())
    }

    #[test]
    fn tls_is_told_in_dockers_own_way() -> Result<(), stevedore_engine::AddressError> {
        let address: Address = "tcp://engine:2376".parse()?;
        let address = address.with_tls(TlsFiles {
            ca: vec!["/certs/ca.pem".into()],
            ..TlsFiles::default()
        });
        let expected = [
            ("DOCKER_HOST", "tcp://engine:2376"),
            ("DOCKER_CERT_PATH", "/certs"),
            ("DOCKER_TLS_VERIFY", "1"),
        ];
        let expected = expected.map(|(name, value)| (name, value.to_owned()));
        assert_eq!(docker_host(&address), expected);
        Ok(())
    }
}
