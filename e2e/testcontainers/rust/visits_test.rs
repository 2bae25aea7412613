//! The application counts its visits in Redis: each runs in a container.

// docs:begin test
use std::env;
use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;

use testcontainers::core::{IntoContainerPort, WaitFor};
use testcontainers::runners::SyncRunner;
use testcontainers::{GenericImage, ImageExt};

/// The image whose reference the variable has.
fn image(variable: &str) -> Result<GenericImage, Box<dyn Error>> {
    let reference = env::var(variable)?;
    let (name, tag) = reference.rsplit_once(':').ok_or("no tag")?;
    Ok(GenericImage::new(name, tag))
}

#[test]
fn visits_are_counted() -> Result<(), Box<dyn Error>> {
    let redis = image("REDIS_IMAGE")?
        .with_wait_for(WaitFor::message_on_stdout("Ready to accept connections"))
        .start()?;
    let app = image("APP_IMAGE")?
        .with_exposed_port(8080.tcp())
        .with_wait_for(WaitFor::message_on_stdout("listening on"))
        .with_env_var("REDIS", format!("{}:6379", redis.get_bridge_ip_address()?))
        .start()?;
    let address = format!("{}:{}", app.get_host()?, app.get_host_port_ipv4(8080)?);
    assert_eq!(visit(&address)?, "1");
    assert_eq!(visit(&address)?, "2");
    Ok(())
}
// docs:end test

/// What the application answers.
fn visit(address: &str) -> Result<String, Box<dyn Error>> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET / HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or(answer.clone())?;
    Ok(body.to_owned())
}
