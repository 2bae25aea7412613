//! Tests of how addresses are read and printed.

use super::*;

#[test]
fn addresses_are_read_as_the_docker_cli_reads_them() {
    for (text, expected) in [
        ("unix:///run/docker.sock", "unix:///run/docker.sock"),
        ("/run/docker.sock", "unix:///run/docker.sock"),
        ("tcp://localhost:2376", "tcp://localhost:2376"),
        ("tcp://10.0.0.1", "tcp://10.0.0.1:2375"),
        ("tcp://[::1]", "tcp://[::1]:2375"),
        ("tcp://[::1]:80/", "tcp://[::1]:80"),
        ("http://localhost:2375", "tcp://localhost:2375"),
        ("https://there", "https://there:2376"),
        ("https://[::1]:1", "https://[::1]:1"),
        ("ssh://there", "ssh://there"),
        ("ssh://me@there:22/", "ssh://me@there:22"),
        ("ssh://me@[::1]:22", "ssh://me@[::1]:22"),
        ("ssh://there/run/d.sock", "ssh://there/run/d.sock"),
        ("podman:", "podman:"),
        ("podman://", "podman:"),
        ("podman:///usr/bin/podman", "podman:///usr/bin/podman"),
        (
            "containerd:///run/c.sock?namespace=k8s.io",
            "containerd:///run/c.sock?namespace=k8s.io",
        ),
    ] {
        let address = text.parse::<Address>();
        assert_eq!(
            address.as_ref().map(ToString::to_string),
            Ok(expected.to_owned()),
            "{text}"
        );
        assert_eq!(expected.parse(), address, "printed and read again");
    }
}

#[test]
fn what_is_no_address_is_named_in_the_error() {
    for text in [
        "",
        "docker.sock",
        "unix://docker.sock",
        "tcp://",
        "tcp://:1",
        "tcp://h:",
        "tcp://h:port",
        "tcp://h:65536",
        "tcp://[::1]80",
        "tcp://me@h:1",
        "tcp://h/x:1",
        "https://",
        "ssh://",
        "ssh://me@",
        "ssh://-oProxyCommand=x",
        "ssh://-l@there",
        "ssh://h:port",
        "ssh://h?x=y",
        "ssh://h#x",
        "podman",
        "podman://podman",
        "npipe:////./pipe/docker_engine",
        "fd://",
    ] {
        let error = text.parse::<Address>().map_err(|error| error.to_string());
        assert!(
            error
                .as_ref()
                .is_err_and(|error| error.contains(&format!("`{text}`"))),
            "{text}: {error:?}"
        );
    }
}

#[test]
fn containerd_wants_a_namespace_and_names_the_usual_ones() {
    for text in [
        "containerd:///run/c.sock",
        "containerd:///run/c.sock?namespace=",
        "containerd:///run/c.sock?namespace=a..b",
        "containerd:///run/c.sock?namespace=a/b",
        "containerd:///run/c.sock?ns=default",
        "containerd://?namespace=default",
    ] {
        let error = text.parse::<Address>().map_err(|error| error.to_string());
        let names = ["`moby`", "`k8s.io`", "`default`"];
        assert!(
            error
                .as_ref()
                .is_err_and(|error| names.iter().all(|name| error.contains(name))),
            "{text}: {error:?}"
        );
    }
}

#[test]
fn a_password_is_not_repeated() {
    for text in ["ssh://me:secret@there", "sftp://me:secret@there/x"] {
        let error = text.parse::<Address>().map_err(|error| error.to_string());
        assert!(
            error
                .as_ref()
                .is_err_and(|error| error.contains("://me:…@there") && !error.contains("secret")),
            "{error:?}"
        );
    }
}

#[test]
fn only_a_tcp_address_takes_tls() -> Result<(), AddressError> {
    for (text, expected) in [
        ("tcp://there:1", "https://there:1"),
        ("https://there:1", "https://there:1"),
        ("unix:///d.sock", "unix:///d.sock"),
        ("ssh://there", "ssh://there"),
    ] {
        let address: Address = text.parse()?;
        assert_eq!(address.with_tls(TlsFiles::default()).to_string(), expected);
    }
    Ok(())
}
