//! Images of every shape, and blobs that go where the registry says.

use stevedore_testing::{LayerFile, PushFiles, RegistryFault, RegistryProxy, RegistryRule};

use crate::bench::{program, ran, with_registries, Bench};
use crate::login::Login;

const UPLOADS: &str = "/blobs/uploads/";

#[test]
fn a_layer_that_an_image_has_twice_is_sent_once() {
    with_registries(|bench| {
        let layer = bench.layer("twice");
        let files = bench.image(&[layer.clone(), bench.layer("other"), layer]);
        let finished = bench.pushes(&files, "pushed");
        bench.has(&files.images[0]);
        let layers = &finished.report["layers"];
        assert_eq!(layers["total"], 3, "{layers}");
        assert_ne!(layers["sent"], 0, "{layers}");
        let digest = format!("digest={}", files.images[0].blobs[0].digest);
        assert_eq!(bench.requests("PUT", &digest).len(), 1);
    });
}

#[test]
fn an_image_without_layers_is_pushed() {
    with_registries(|bench| {
        let files = bench.image(&[]);
        bench.pushes(&files, "pushed");
        bench.has(&files.images[0]);
        bench.pushes(&files, "unchanged");
    });
}

#[test]
fn many_layers_are_sent_one_at_a_time_if_that_is_asked_for() {
    let bench = Bench::with("distribution-3");
    let layers: Vec<LayerFile> = (0..30)
        .map(|number| bench.layer_of(&number.to_string(), 1000))
        .collect();
    for jobs in ["--jobs=1", "--jobs=100"] {
        let layers = [layers.as_slice(), &[bench.layer(jobs)]].concat();
        let files = bench.image(&layers);
        let mut program = program(&files);
        program.command().arg(jobs);
        ran(program, "pushed");
        bench.has(&files.images[0]);
    }
}

#[test]
fn an_upload_goes_to_the_host_that_the_registry_names() {
    with_registries(|bench| {
        let files = bench.small_image();
        let other = RegistryProxy::start(&bench.registry.address).unwrap();
        let there = RegistryFault::LeadTo(other.address());
        bench.add(RegistryRule::on("POST", UPLOADS, there));
        bench.pushes(&files, "pushed");
        bench.has(&files.images[0]);
        let sent: u64 = other
            .take_requests()
            .iter()
            .map(|request| request.body_bytes)
            .sum();
        assert!(sent > 200_000, "{sent} bytes went there");
    });
}

#[test]
fn a_host_that_takes_uploads_for_a_registry_sees_no_password() {
    let login = Login::at("distribution-2@htpasswd");
    login.write(".docker/config.json", &login.right());
    let other = RegistryProxy::start(&login.bench.registry.address).unwrap();
    let there = RegistryFault::LeadTo(other.address());
    login.bench.add(RegistryRule::on("POST", UPLOADS, there));
    let finished = login.program().run().unwrap();
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    login.keeps_silent(&finished);
    let seen = other.take_requests();
    assert!(!seen.is_empty(), "nobody came");
    assert!(
        seen.iter().all(|request| !request.is_authorized),
        "{seen:#?}"
    );
}

#[test]
fn localhost_is_a_registry_too() {
    let bench = Bench::with("distribution-2");
    let port = bench.proxy.address();
    let port = port.rsplit(':').next().unwrap();
    let repository = format!("localhost:{port}/{}", bench.repository);
    let layers = [bench.layer("app")];
    let files = PushFiles::write(&bench.place(), &layers, &repository, &["v1"]).unwrap();
    bench.pushes(&files, "pushed");
    bench.has(&files.images[0]);
}
