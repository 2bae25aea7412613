//! Several images, indexes, repositories and tags in one run.

use stevedore_testing::{
    Consignment, LayerFile, PassedRequest, PushFiles, PushedDraft, PushedImage,
};

use crate::bench::{failed, program, ran, with_registries, Bench};

const UPLOADS: &str = "/blobs/uploads/";

/// An image of its own on `base`, which `images` images have.
fn crowd(bench: &Bench, base: &[LayerFile], images: usize, in_one_repository: bool) -> PushFiles {
    let numbers: Vec<String> = (0..images).map(|number| number.to_string()).collect();
    let layers = |number: &String| [base, &[bench.layer(number)]].concat();
    let layers: Vec<Vec<LayerFile>> = numbers.iter().map(layers).collect();
    let repositories: Vec<String> = numbers
        .iter()
        .map(|number| match in_one_repository {
            true => bench.proxied(),
            false => format!("{}/{number}", bench.proxied()),
        })
        .collect();
    let drafts: Vec<[PushedDraft<'_>; 1]> = numbers
        .iter()
        .zip(&layers)
        .map(|(name, layers)| [PushedDraft::new(name, layers)])
        .collect();
    let tags: Vec<[&str; 1]> = numbers.iter().map(|number| [number.as_str()]).collect();
    let destinations: Vec<[(&str, &[&str]); 1]> = repositories
        .iter()
        .zip(&tags)
        .map(|(repository, tags)| [(repository.as_str(), tags.as_slice())])
        .collect();
    let consignments: Vec<Consignment<'_>> = drafts
        .iter()
        .zip(&destinations)
        .map(|(images, destinations)| Consignment {
            images,
            index: None,
            destinations,
        })
        .collect();
    PushFiles::write_all(&bench.place(), &consignments).unwrap()
}

/// An index of two images that share a layer, with these tags.
fn index(bench: &Bench, name: &str, tags: &[&str]) -> PushFiles {
    let base = bench.base_layer("base");
    let layers = ["a", "b"].map(|own| [base.clone(), bench.layer(&format!("{name}-{own}"))]);
    let drafts = [
        PushedDraft::new("a", &layers[0]),
        PushedDraft::new("b", &layers[1]),
    ];
    let consignment = Consignment {
        images: &drafts,
        index: Some("index"),
        destinations: &[(&bench.proxied(), tags)],
    };
    PushFiles::write_all(&bench.place(), &[consignment]).unwrap()
}

/// The positions of the requests of which this is true.
fn positions(requests: &[PassedRequest], is_one: impl Fn(&PassedRequest) -> bool) -> Vec<usize> {
    let numbered = requests.iter().enumerate();
    let found = numbered.filter(|(_, request)| is_one(request));
    found.map(|(position, _)| position).collect()
}

fn puts<'a>(path: &'a str) -> impl Fn(&PassedRequest) -> bool + 'a {
    move |request| request.method == "PUT" && request.path.contains(path)
}

#[test]
fn a_blob_that_many_images_share_is_asked_for_and_sent_once() {
    with_registries(|bench| {
        let base = ["one", "two", "three"].map(|name| bench.base_layer(name));
        let files = crowd(bench, &base, 20, true);
        let finished = bench.pushes(&files, "pushed");
        let requests = bench.proxy.take_requests();
        let counted = finished.report["requests"].as_u64().unwrap();
        assert_eq!(requests.len() as u64, counted, "requests in the report");
        for blob in &files.images[0].blobs[..3] {
            let digest = blob.digest.to_string();
            let of = |method: &str| {
                let is_one = |request: &PassedRequest| {
                    request.method == method && request.path.contains(&digest)
                };
                positions(&requests, is_one).len()
            };
            assert_eq!((of("HEAD"), of("PUT")), (1, 1), "{digest}");
        }
        let sent: u64 = requests.iter().map(|request| request.body_bytes).sum();
        assert!(sent < 23 * 101_000 + 20 * 2_000, "{sent} bytes");
        let mut tags = bench.api.tags(&bench.repository).unwrap();
        tags.sort();
        assert_eq!(tags.len(), 20);
        bench.pushes(&files, "unchanged");
        assert_eq!(bench.proxy.take_requests().len(), 20);
    });
}

#[test]
fn a_blob_goes_from_repository_to_repository_without_being_sent() {
    for name in ["distribution-2", "distribution-3"] {
        let bench = Bench::with(name);
        let base = [bench.base_layer("base")];
        let files = crowd(&bench, &base, 6, false);
        bench.pushes(&files, "pushed");
        let requests = bench.proxy.take_requests();
        let digest = files.images[0].blobs[0].digest.to_string();
        let sent = positions(&requests, puts(&digest));
        assert_eq!(sent.len(), 1, "{name}: {requests:#?}");
        let mounted = |request: &PassedRequest| {
            request.path.contains(&format!("mount={digest}")) && request.status == 201
        };
        assert_eq!(positions(&requests, mounted).len(), 5, "{name}");
        for (number, image) in files.images.iter().enumerate() {
            let repository = format!("{}/{number}", bench.repository);
            let tagged = bench.api.tag(&repository, &number.to_string()).unwrap();
            assert_eq!(tagged, Some(image.manifest.digest));
        }
    }
}

#[test]
fn an_indexs_images_come_before_it_and_the_tag_last() {
    with_registries(|bench| {
        let files = index(bench, "first", &["v1", "v2"]);
        bench.pushes(&files, "pushed");
        let requests = bench.proxy.take_requests();
        let last_blob = positions(&requests, puts(UPLOADS)).pop();
        let children = files.images.iter().map(|image| {
            let child = format!("/manifests/{}", image.manifest.digest);
            positions(&requests, puts(&child)).pop()
        });
        let children: Vec<Option<usize>> = children.collect();
        let tags =
            ["v1", "v2"].map(|tag| positions(&requests, puts(&format!("/manifests/{tag}"))).pop());
        for child in children {
            assert!(last_blob < child && child < tags[0], "{requests:#?}");
        }
        assert_eq!(tags[1], Some(requests.len() - 1));
        for tag in ["v1", "v2"] {
            let tagged = bench.api.tag(&bench.repository, tag).unwrap();
            assert_eq!(tagged, Some(files.indexes[0]));
        }
        bench.pushes(&files, "unchanged");
        assert_eq!(bench.proxy.take_requests().len(), 2);
    });
}

#[test]
fn an_index_of_which_one_image_is_there_gets_the_other() {
    with_registries(|bench| {
        let first = index(bench, "same", &["v1"]);
        bench.pushes(&first, "pushed");
        let tags: [&str; 0] = [];
        let base = bench.base_layer("base");
        let layers = [
            [base.clone(), bench.layer("same-a")],
            [base, bench.layer("new")],
        ];
        let drafts = [
            PushedDraft::new("a", &layers[0]),
            PushedDraft::new("b", &layers[1]),
        ];
        let consignment = Consignment {
            images: &drafts,
            index: Some("index"),
            destinations: &[(&bench.proxied(), &tags)],
        };
        let second = PushFiles::write_all(&bench.place(), &[consignment]).unwrap();
        bench.proxy.take_requests();
        bench.pushes(&second, "pushed");
        let requests = bench.proxy.take_requests();
        let sent: u64 = requests.iter().map(|request| request.body_bytes).sum();
        assert!(sent < 110_000, "{sent} bytes");
        // Without a tag the digest is its name, and the older tag stays.
        let digest = second.indexes[0];
        let found = bench
            .api
            .tag(&bench.repository, &digest.to_string())
            .unwrap();
        assert_eq!(found, Some(digest));
        assert_eq!(bench.api.tags(&bench.repository).unwrap(), ["v1"]);
        bench.pushes(&second, "unchanged");
    });
}

#[test]
fn dockers_media_types_are_kept() {
    with_registries(|bench| {
        let layers = [bench.base_layer("base"), bench.layer("app")];
        let draft = PushedDraft {
            is_docker: true,
            ..PushedDraft::new("image", &layers)
        };
        let consignment = Consignment {
            images: &[draft],
            index: None,
            destinations: &[(&bench.proxied(), &["v1"])],
        };
        let files = PushFiles::write_all(&bench.place(), &[consignment]).unwrap();
        bench.pushes(&files, "pushed");
        bench.has(&files.images[0]);
        let (_, manifest) = bench
            .api
            .manifest(&bench.repository, "v1")
            .unwrap()
            .unwrap();
        let docker = "application/vnd.docker.distribution.manifest.v2+json";
        assert_eq!(manifest["mediaType"], docker);
        bench.pushes(&files, "unchanged");
    });
}

#[test]
fn flags_say_where_it_goes() {
    let bench = Bench::with("distribution-3");
    let files = bench.small_image();
    let other = format!("{}/other", bench.proxied());
    for (flags, repository, tags) in [
        (&["--tag=v2", "--tag=v1"][..], "", &["v1", "v2"][..]),
        (&["--repository", &other], "/other", &["v1"]),
        (
            &["--repository", &other, "--no-remote-tags", "--tag=v3"],
            "/other",
            &["v1", "v3"],
        ),
    ] {
        let mut program = program(&files);
        program.command().args(flags);
        ran(program, "pushed");
        let path = format!("{}{repository}", bench.repository);
        let mut found = bench.api.tags(&path).unwrap();
        found.sort();
        assert_eq!(found, tags, "{flags:?}");
    }
}

#[test]
fn a_mirror_takes_the_place_of_the_registry() {
    let bench = Bench::with("distribution-3");
    let layers = [bench.layer("app")];
    let repository = format!("registry.example.com/{}", bench.repository);
    let files = PushFiles::write(&bench.place(), &layers, &repository, &["v1"]).unwrap();
    let mut program = program(&files);
    let mirror = format!(
        "--mirror=registry.example.com={}/hub",
        bench.proxy.address()
    );
    program.command().arg(mirror);
    ran(program, "pushed");
    let path = format!("hub/{}", bench.repository);
    let tagged = bench.api.tag(&path, "v1").unwrap();
    assert_eq!(tagged, Some(files.images[0].manifest.digest));
}

#[test]
fn nothing_is_tagged_if_one_of_several_fails() {
    with_registries(|bench| {
        let base = [bench.base_layer("base")];
        let files = crowd(bench, &base, 4, true);
        std::fs::remove_file(&files.images[2].files[1]).unwrap();
        failed(
            program(&files),
            4,
            &["runfile `_main/2/1.tar.gz` is missing"],
        );
        bench.has_no_tags();
    });
}

#[test]
fn two_pushes_at_once_do_each_other_no_harm() {
    with_registries(|bench| {
        let layers = [bench.base_layer("base"), bench.large_layer("app")];
        let both = [bench.image(&layers), bench.image(&layers)];
        let pushing = both.each_ref().map(|files| {
            let files = files.clone();
            std::thread::spawn(move || program(&files).run().unwrap())
        });
        for pushing in pushing {
            let finished = pushing.join().unwrap();
            assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        }
        let image: &PushedImage = &both[0].images[0];
        bench.has(image);
    });
}
