//! Asking a real engine what it has, without the code that is tested.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// A real engine that speaks the Docker Engine API on a Unix socket.
#[derive(Clone, Debug)]
pub struct EngineApi {
    socket: PathBuf,
}

impl EngineApi {
    /// The engine that listens at `socket`.
    pub fn at(socket: &Path) -> Self {
        Self {
            socket: socket.to_owned(),
        }
    }

    /// Sends a request with a JSON body (`Null`: none), and gives the status code and the JSON answer.
    ///
    /// # Errors
    /// If the engine cannot be reached, or does not speak HTTP.
    pub fn call(&self, method: &str, path: &str, body: &Value) -> io::Result<(u16, Value)> {
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let mut stream = UnixStream::connect(&self.socket)?;
        // HTTP 1.0: the answer comes unchunked, and the connection ends with it.
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: engine\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no HTTP: {head}")))?;
        Ok((status, serde_json::from_str(body).unwrap_or(Value::Null)))
    }

    /// Posts a tar, and gives the answer as it is.
    ///
    /// # Errors
    /// If the engine cannot be reached.
    pub fn upload(&self, path: &str, tar: &[u8]) -> io::Result<String> {
        let mut stream = UnixStream::connect(&self.socket)?;
        write!(
            stream,
            "POST {path} HTTP/1.0\r\nHost: engine\r\nContent-Type: application/x-tar\r\nContent-Length: {}\r\n\r\n",
            tar.len()
        )?;
        stream.write_all(tar)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// The tar that the engine makes of an image.
    ///
    /// # Errors
    /// If the engine cannot be reached, or has no such image.
    pub fn save(&self, image: &str) -> io::Result<Vec<u8>> {
        let mut stream = UnixStream::connect(&self.socket)?;
        write!(
            stream,
            "GET /images/{image}/get HTTP/1.0\r\nHost: engine\r\n\r\n"
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let end_of_head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        let head = end_of_head.ok_or_else(|| io::Error::other("no HTTP"))?;
        if !answer.starts_with(b"HTTP/1.0 200") && !answer.starts_with(b"HTTP/1.1 200") {
            return Err(io::Error::other(
                String::from_utf8_lossy(&answer).into_owned(),
            ));
        }
        Ok(answer.split_off(head + 4))
    }

    /// The ID of the image with this name or ID; `None` if there is none.
    ///
    /// # Errors
    /// If the engine cannot be reached.
    pub fn image_id(&self, name: &str) -> io::Result<Option<String>> {
        let (_, image) = self.call("GET", &format!("/images/{name}/json"), &Value::Null)?;
        Ok(image["Id"].as_str().map(str::to_owned))
    }

    /// The `diff_id`s of the image with this name or ID.
    ///
    /// # Errors
    /// If the engine cannot be reached.
    pub fn image_layers(&self, name: &str) -> io::Result<Value> {
        let (_, image) = self.call("GET", &format!("/images/{name}/json"), &Value::Null)?;
        Ok(image["RootFS"]["Layers"].clone())
    }

    /// Removes a name, or an image with all its names; what is not there is no error.
    ///
    /// # Errors
    /// If the engine cannot be reached.
    pub fn remove_image(&self, name: &str) -> io::Result<()> {
        self.call("DELETE", &format!("/images/{name}?force=1"), &Value::Null)
            .map(drop)
    }

    /// The number of images, nameless ones too.
    ///
    /// # Errors
    /// If the engine cannot be reached.
    pub fn image_count(&self) -> io::Result<usize> {
        let (_, images) = self.call("GET", "/images/json?all=1", &Value::Null)?;
        Ok(images.as_array().map_or(0, Vec::len))
    }

    /// The number of containers, stopped ones too.
    ///
    /// # Errors
    /// If the engine cannot be reached.
    pub fn container_count(&self) -> io::Result<usize> {
        let (_, containers) = self.call("GET", "/containers/json?all=1", &Value::Null)?;
        Ok(containers.as_array().map_or(0, Vec::len))
    }

    /// What lies in the engine's directory for temporary files. The engine may run in a root directory of its own.
    ///
    /// # Errors
    /// If the engine cannot be reached, or its files are not for this user.
    pub fn temporary_files(&self) -> io::Result<Vec<String>> {
        let (_, info) = self.call("GET", "/info", &Value::Null)?;
        let data = info["DockerRootDir"].as_str().unwrap_or_default();
        let root = PathBuf::from(format!("/proc/{}/root{data}/tmp", self.process()?));
        let entries = std::fs::read_dir(root)?;
        entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    /// The number of the process that listens.
    fn process(&self) -> io::Result<i32> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        let credentials = runtime.block_on(async {
            tokio::net::UnixStream::connect(&self.socket)
                .await?
                .peer_cred()
        })?;
        credentials
            .pid()
            .ok_or_else(|| io::Error::other("the system does not tell whose socket it is"))
    }
}
