//! Docker with the containerd image store.

use serde_json::Value;

use crate::bench::with_engines;

/// Right, not yet fast: the figures are another issue's.
#[test]
fn the_containerd_store_gets_a_whole_image() {
    with_engines(
        |name| name.contains("containerd"),
        |bench| {
            for layers in [
                &["base", "app"][..],
                &["base", "app2"],
                &["same", "other", "same"],
                &[],
            ] {
                let image = bench.image(&bench.tars(layers), "A=1");
                for _ in 0..2 {
                    let finished = bench.load(&image);
                    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
                    assert_eq!(finished.report["destination"]["store"], "containerd");
                    let id = bench.api.image_id(&bench.image_name()).unwrap();
                    assert_eq!(finished.report["image_id"].as_str().map(str::to_owned), id);
                    let layers = bench.api.image_layers(&bench.image_name()).unwrap();
                    assert_eq!(layers.as_array().map_or(0, Vec::len), image.diff_ids.len());
                }
                let container = bench.make_container(&bench.image_name());
                let path = format!("/containers/{container}?force=1");
                bench.api.call("DELETE", &path, &Value::Null).unwrap();
            }
            let before = bench.api.image_id(&bench.image_name()).unwrap();
            let image = bench.image(&bench.tars(&["changed"]), "A=1");
            let mut tar = std::fs::read(image.tar(0)).unwrap();
            tar[100_000] ^= 1;
            std::fs::write(image.tar(0), tar).unwrap();
            let finished = bench.load(&image);
            assert_eq!(finished.code, Some(4), "{}", finished.stderr);
            assert_eq!(bench.api.image_id(&bench.image_name()).unwrap(), before);
        },
    );
}
