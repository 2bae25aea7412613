//! Sandboxes that are stopped, killed, and many.

use std::fs;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use stevedore_sandbox::{start, Container};

use super::base;
use crate::outcome::{runtime, Bench};
use crate::user::User;
use crate::Test;

pub(super) const ALL: &[(&str, Test)] = &[
    (
        "what_is_not_wanted_ends_and_is_removed",
        what_is_not_wanted_ends_and_is_removed,
    ),
    (
        "what_was_killed_is_removed_by_the_next",
        what_was_killed_is_removed_by_the_next,
    ),
    ("several_at_once_unpack_once", several_at_once_unpack_once),
];

/// A sandbox whose command has begun.
async fn begun(bench: &Bench) -> Container {
    let program = std::env::current_exe().unwrap();
    let mut container = start(&program, &bench.request).await.unwrap();
    let mut line = serde_json::to_vec(&bench.job).unwrap();
    line.push(b'\n');
    container.stdin.write_all(&line).await.unwrap();
    let mut said = [0; 6];
    container.stderr.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"begun\n");
    container
}

fn sleeper() -> Bench {
    Bench::new(base, &["echo begun; sleep 1000"])
}

fn what_is_not_wanted_ends_and_is_removed(_: User) {
    let bench = sleeper();
    runtime().block_on(async {
        let container = begun(&bench).await;
        let started = Instant::now();
        let mut process = container.process;
        drop(container.stdin);
        process.wait().await.unwrap();
        assert!(started.elapsed() < Duration::from_secs(3));
    });
    assert_eq!(bench.remains(), [""; 0]);
}

fn what_was_killed_is_removed_by_the_next(_: User) {
    let bench = sleeper();
    runtime().block_on(async {
        let mut container = begun(&bench).await;
        let [name] = &bench.remains()[..] else {
            panic!("{:?}", bench.remains());
        };
        container.process.kill().await.unwrap();
        // The container's end closes the pipe: nothing of it runs any more.
        let mut rest = Vec::new();
        let read = container.stderr.read_to_end(&mut rest);
        tokio::time::timeout(Duration::from_secs(5), read)
            .await
            .unwrap()
            .unwrap();
        assert!(bench.remains().contains(name));
    });
    assert_eq!(Bench { ..quick(&bench) }.run().code, Some(0));
    assert_eq!(bench.remains(), [""; 0]);
    let groups = fs::read_dir("/sys/fs/cgroup/memory")
        .into_iter()
        .flatten()
        .flatten();
    let own = format!("stevedore-{}", std::process::id());
    assert!(groups
        .map(|entry| entry.file_name())
        .all(|name| !name.to_string_lossy().contains(&own)));
}

/// Another one with the same cache.
fn quick(bench: &Bench) -> Bench {
    let mut quick = Bench::new(base, &["touch /x"]);
    quick.request.cache = bench.request.cache.clone();
    quick
}

fn several_at_once_unpack_once(_: User) {
    let bench = Bench::new(base, &["cat /bin/busybox > /copy"]);
    let tars: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(|| bench.run())).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap().tar)
            .collect()
    });
    assert!(tars[0].len() > 1_000_000 && tars.iter().all(|tar| *tar == tars[0]));
    let kept = fs::read_dir(bench.request.cache.join("layers"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let names = fs::read_dir(kept.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    // The layer and its lock.
    assert_eq!(names.count(), 2);
    assert_eq!(bench.remains(), [""; 0]);
}
