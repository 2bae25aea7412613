//! Asking a real registry what it has, without the code that is tested.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;

use base64::prelude::{Engine as _, BASE64_STANDARD};
use serde_json::Value;
use stevedore_image::digest::Digest;
use stevedore_image::media_type;

/// A registry that is not told so converts a manifest, or hides it.
const ACCEPTED: [&str; 4] = [
    media_type::OCI_MANIFEST,
    media_type::OCI_INDEX,
    media_type::DOCKER_MANIFEST,
    media_type::DOCKER_INDEX,
];

/// A real registry that speaks plain HTTP.
#[derive(Clone, Debug)]
pub struct RegistryApi {
    address: String,
    authorization: Option<String>,
}

/// An answer of a registry.
#[derive(Clone, Debug)]
pub struct RegistryReply {
    /// The HTTP status.
    pub status: u16,
    /// The headers, as they came.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl RegistryReply {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The body as JSON; `Null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

impl RegistryApi {
    /// The registry at `address`, a host and a port.
    pub fn at(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            authorization: None,
        }
    }

    /// Shows it a name and a password.
    #[must_use]
    pub fn with_password(self, user: &str, password: &str) -> Self {
        Self {
            authorization: Some(Self::basic(user, password)),
            ..self
        }
    }

    /// The value of `Authorization` for a name and a password.
    pub fn basic(user: &str, password: &str) -> String {
        let login = BASE64_STANDARD.encode(format!("{user}:{password}"));
        format!("Basic {login}")
    }

    /// Sends a request with a body of this type (none if it is empty).
    ///
    /// # Errors
    /// If the registry cannot be reached, or does not speak HTTP.
    pub fn call(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: &[u8],
    ) -> io::Result<RegistryReply> {
        let mut stream = TcpStream::connect(&self.address)?;
        // HTTP 1.0: the answer comes unchunked, and the connection ends with it.
        let mut head = format!(
            "{method} {path} HTTP/1.0\r\nHost: {}\r\nAccept: {}\r\nContent-Length: {}\r\n",
            self.address,
            ACCEPTED.join(", "),
            body.len()
        );
        if !kind.is_empty() {
            head += &format!("Content-Type: {kind}\r\n");
        }
        if let Some(authorization) = &self.authorization {
            head += &format!("Authorization: {authorization}\r\n");
        }
        write!(stream, "{head}\r\n")?;
        stream.write_all(body)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        let body = end.map(|end| answer.split_off(end + 4));
        let head = String::from_utf8_lossy(&answer).into_owned();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        Ok(RegistryReply {
            status: status.ok_or_else(|| io::Error::other(format!("no HTTP: {head}")))?,
            head,
            body: body.unwrap_or_default(),
        })
    }

    /// The manifest that a tag or digest stands for, as it is stored, with its digest; `None` if there is none.
    ///
    /// # Errors
    /// If the registry cannot be reached.
    pub fn manifest(
        &self,
        repository: &str,
        reference: &str,
    ) -> io::Result<Option<(Digest, Value)>> {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let reply = self.call("GET", &path, "", b"")?;
        Ok((reply.status == 200).then(|| (Digest::of(&reply.body), reply.json())))
    }

    /// The digest of what a tag stands for.
    ///
    /// # Errors
    /// If the registry cannot be reached.
    pub fn tag(&self, repository: &str, tag: &str) -> io::Result<Option<Digest>> {
        let manifest = self.manifest(repository, tag)?;
        Ok(manifest.map(|(digest, _)| digest))
    }

    /// Whether it has a blob, all of it, unharmed.
    ///
    /// # Errors
    /// If the registry cannot be reached.
    pub fn has_blob(&self, repository: &str, digest: &Digest) -> io::Result<bool> {
        let reply = self.call("GET", &format!("/v2/{repository}/blobs/{digest}"), "", b"")?;
        Ok(reply.status == 200 && Digest::of(&reply.body) == *digest)
    }

    /// All tags of a repository.
    ///
    /// # Errors
    /// If the registry cannot be reached.
    pub fn tags(&self, repository: &str) -> io::Result<Vec<String>> {
        let list = self.call("GET", &format!("/v2/{repository}/tags/list"), "", b"")?;
        let tags = list.json()["tags"].take();
        Ok(serde_json::from_value(tags).unwrap_or_default())
    }

    /// Puts a blob there.
    ///
    /// # Errors
    /// If the registry cannot be reached, or does not take it.
    pub fn put_blob(&self, repository: &str, blob: &[u8]) -> io::Result<Digest> {
        let digest = Digest::of(blob);
        let begun = self.call("POST", &format!("/v2/{repository}/blobs/uploads/"), "", b"")?;
        let location = begun.header("location").unwrap_or_default();
        let scheme = format!("http://{}", self.address);
        let path = location.strip_prefix(&scheme).unwrap_or(location);
        let separator = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{separator}digest={digest}");
        let put = self.call("PUT", &path, "application/octet-stream", blob)?;
        match put.status {
            201 => Ok(digest),
            _ => Err(io::Error::other(put.head)),
        }
    }

    /// Removes a manifest by its digest, or a tag; that the registry cannot is no error.
    ///
    /// # Errors
    /// If the registry cannot be reached.
    pub fn remove_manifest(&self, repository: &str, reference: &str) -> io::Result<()> {
        let path = format!("/v2/{repository}/manifests/{reference}");
        self.call("DELETE", &path, "", b"").map(drop)
    }
}
