//! Fakes with fault injection, and images made for a test. For tests only.
#![deny(missing_docs)]

mod certificates;
mod docker_store;
mod engine_api;
mod fake_docker;
mod fault;
mod image_files;
mod oci_store;
mod program;
mod program_layer;
mod proxy;
mod push_files;
mod registry_api;
mod registry_proxy;
mod system_layer;
mod tls_front;
mod token_server;
mod web_proxy;
mod web_token;

pub use certificates::{Authority, Certificate};
pub use docker_store::DockerStore;
pub use engine_api::EngineApi;
pub use fake_docker::{FakeDocker, Personality, RecordedRequest};
pub use fault::Fault;
pub use image_files::{gzipped, layer_tar, ImageDraft, ImageFiles, LayerFile};
pub use oci_store::OciStore;
pub use program::{Finished, Program};
pub use program_layer::program_layer;
pub use proxy::{Interference, Proxy};
pub use push_files::{Consignment, PushFiles, PushedDraft, PushedImage};
pub use registry_api::{RegistryApi, RegistryReply};
pub use registry_proxy::{
    PassedRequest, RegistryAnswer, RegistryFault, RegistryProxy, RegistryRule,
};
pub use system_layer::{system_layer, CAPABILITY};
pub use tls_front::TlsFront;
pub use token_server::{Account, TokenLife, TokenRequest, TokenServer};
pub use web_proxy::WebProxy;
