//! Files that are taken out of the container.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::runners::{is_plain, with_runners};

#[test]
fn files_and_directories_come_out() {
    with_runners(is_plain, |runner| {
        let commands = ["mkdir -p /out/d/e; echo 1 > /out/f; echo 2 > /out/d/x; chmod 755 /out/d/x; ln -s x /out/d/link; ln /out/d/x /out/d/e/y"];
        let job = runner.job(&commands);
        let (file, folder) = (job.file("result"), job.file("results"));
        let collect = json!({"files": [
            {"path": "/out/f", "output": file, "directory": false},
            {"path": "/out/d", "output": folder, "directory": true},
        ]});
        let job = job.with("collect", collect);
        fs::create_dir_all(&folder).unwrap();
        let finished = job.run();
        assert_eq!(
            finished.code,
            Some(0),
            "{}: {}",
            runner.name,
            finished.stderr
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), "1\n");
        for name in ["x", "link", "e/y"] {
            assert_eq!(
                fs::read_to_string(folder.join(name)).unwrap(),
                "2\n",
                "{}: {name}",
                runner.name
            );
        }
        let mode = fs::metadata(folder.join("x")).unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{}", runner.name);
    });
}

#[test]
fn a_file_that_is_not_there_is_named() {
    with_runners(is_plain, |runner| {
        let job = runner.job(&["true"]);
        let collect = json!({"files": [{"path": "/out/missing", "output": job.file("result"), "directory": false}]});
        let job = job.with("collect", collect);
        job.fails("`/out/missing`");
        assert!(!job.file("result").exists(), "{}", runner.name);
    });
}
