use std::os::unix::fs::{symlink, PermissionsExt as _};
use std::path::Path;
use std::sync::{Arc, Mutex};

use stevedore_image::digest::Digest;

use super::*;

const FAST: Patience = Patience {
    poll: Duration::from_millis(1),
    tell: Duration::from_millis(20),
    beat: Duration::from_millis(10),
    stall: Duration::from_millis(400),
};

/// A directory for locks, and what was told.
struct Bench {
    directory: tempfile::TempDir,
    events: Arc<Mutex<Vec<Event>>>,
    observer: Observer,
}

impl Bench {
    fn new() -> Self {
        let events = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&events);
        Self {
            directory: tempfile::tempdir().unwrap(),
            events,
            observer: Arc::new(move |event| told.lock().unwrap().push(event)),
        }
    }

    fn lock(&self, image: &str) -> Lock<'_> {
        self.lock_in(&LockPlaces::only(self.directory.path()), &[image])
    }

    fn lock_in(&self, places: &LockPlaces, images: &[&str]) -> Lock<'_> {
        let address = "tcp://engine:1".parse().unwrap();
        let key = |image: &&str| LockKey::new(&address, Digest::of(image.as_bytes()));
        Lock {
            patience: FAST,
            ..Lock::new(places, images.iter().map(key), &self.observer)
        }
    }

    /// The files in the directory.
    fn files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.directory.path()).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    fn told(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }
}

/// Runs `work` as the deliver tool does: in one thread.
fn run<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().build().unwrap().block_on(work)
}

async fn mine(lock: &mut Lock<'_>) -> Held {
    match lock.turn().await {
        Turn::Mine(held) => held,
        Turn::LookAgain => panic!("somebody else had it"),
    }
}

#[test]
fn nothing_remains_of_a_lock() {
    let bench = Bench::new();
    run(async {
        let held = mine(&mut bench.lock("a")).await;
        let [file] = &bench.files()[..] else {
            panic!("{:?}", bench.files());
        };
        let metadata = std::fs::metadata(file).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o666);
        let text = std::fs::read_to_string(file).unwrap();
        assert_eq!(text, format!("{}\n", std::process::id()));
        drop(held);
    });
    assert!(bench.files().is_empty());
    assert!(bench.told().is_empty());
}

#[test]
fn who_waits_looks_again_when_the_holder_has_finished() {
    let bench = Bench::new();
    let (waiter, ()) = run(async {
        let held = mine(&mut bench.lock("a")).await;
        let mut lock = bench.lock("a");
        // It works longer than a holder may be silent.
        let work = async move {
            held.during(tokio::time::sleep(Duration::from_millis(800)))
                .await;
        };
        tokio::join!(lock.turn(), work)
    });
    assert!(matches!(waiter, Turn::LookAgain));
    let [Event::Waiting { process, path }] = &bench.told()[..] else {
        panic!("{:?}", bench.told());
    };
    assert_eq!(*process, Some(std::process::id()));
    assert_eq!(path.parent(), Some(bench.directory.path()));
    assert!(bench.files().is_empty());
}

#[test]
fn a_silent_holder_is_not_waited_for() {
    let bench = Bench::new();
    run(async {
        let held = mine(&mut bench.lock("a")).await;
        let lock = &mut bench.lock("a");
        assert!(matches!(lock.turn().await, Turn::LookAgain));
        let _mine_too = mine(lock).await;
        drop(held);
    });
    let told = bench.told();
    assert!(
        matches!(told.last(), Some(Event::FellBack { reason }) if reason.contains("no sign of life")),
        "{told:?}"
    );
}

#[test]
fn other_images_do_not_wait() {
    let bench = Bench::new();
    run(async {
        let _one = mine(&mut bench.lock("a")).await;
        let _two = mine(&mut bench.lock("b")).await;
    });
}

#[test]
fn who_waits_for_one_of_several_images_holds_none() {
    let bench = Bench::new();
    let places = LockPlaces::only(bench.directory.path());
    let ((), waiter) = run(async {
        let held = mine(&mut bench.lock("b")).await;
        let mut lock = bench.lock_in(&places, &["c", "a", "b", "a"]);
        let work = async {
            tokio::time::sleep(FAST.tell * 2).await;
            let _others = mine(&mut bench.lock_in(&places, &["a", "c"])).await;
            drop(held);
        };
        tokio::join!(work, async {
            assert!(matches!(lock.turn().await, Turn::LookAgain));
            mine(&mut lock).await.files.len()
        })
    });
    assert_eq!(waiter, 3);
    assert!(bench.files().is_empty());
}

#[test]
fn what_a_killed_holder_left_behind_can_be_locked() {
    let bench = Bench::new();
    run(async {
        let lock = &mut bench.lock("a");
        std::fs::write(&lock.images[0][0], "999999999\n").unwrap();
        let _held = mine(lock).await;
        let text = std::fs::read_to_string(&lock.images[0][0]).unwrap();
        assert_eq!(text, format!("{}\n", std::process::id()));
    });
    assert!(bench.files().is_empty());
}

#[test]
fn old_files_of_killed_holders_are_removed() {
    let bench = Bench::new();
    let old = std::time::SystemTime::now() - Duration::from_secs(4000);
    let file = |name: &str, modified| {
        let file = std::fs::File::create(bench.directory.path().join(name)).unwrap();
        file.set_modified(modified).unwrap();
    };
    let left = bench.lock("left").images[0][0].clone();
    file(left.file_name().unwrap().to_str().unwrap(), old);
    file("stevedore-notes.lock", old);
    run(async {
        let held = mine(&mut bench.lock("held")).await;
        file(
            held.files[0].path().file_name().unwrap().to_str().unwrap(),
            old,
        );
        let _mine = mine(&mut bench.lock("a")).await;
        assert!(!left.exists());
        assert_eq!(bench.files().len(), 3, "{:?}", bench.files());
    });
    assert_eq!(bench.files().len(), 1);
}

#[test]
fn a_holder_removes_no_file_of_another() {
    let bench = Bench::new();
    run(async {
        let lock = &mut bench.lock("a");
        let held = mine(lock).await;
        std::fs::remove_file(&lock.images[0][0]).unwrap();
        let successor = mine(&mut bench.lock("a")).await;
        drop(held);
        assert_eq!(bench.files(), lock.images[0]);
        drop(successor);
    });
    assert!(bench.files().is_empty());
}

#[test]
fn the_next_place_is_taken_where_the_first_cannot_be_used() {
    let bench = Bench::new();
    let directories = vec!["/nonexistent".into(), bench.directory.path().to_owned()];
    let places = LockPlaces::ordered(directories);
    run(async {
        let _held = mine(&mut bench.lock_in(&places, &["a"])).await;
        assert_eq!(bench.files().len(), 1);
    });
}

#[test]
fn without_a_place_a_load_goes_on() {
    let bench = Bench::new();
    let places = LockPlaces::only(Path::new("/nonexistent"));
    run(async { mine(&mut bench.lock_in(&places, &["a"])).await });
    let told = bench.told();
    assert!(
        matches!(&told[..], [Event::NoLock { reason }] if reason.contains("/nonexistent/stevedore-")),
        "{told:?}"
    );
}

#[test]
fn what_is_no_lock_is_not_written_to() {
    let bench = Bench::new();
    let precious = bench.directory.path().join("precious");
    std::fs::write(&precious, "precious").unwrap();
    run(async {
        let lock = &mut bench.lock("a");
        symlink(&precious, &lock.images[0][0]).unwrap();
        assert!(mine(lock).await.files.is_empty());
        std::fs::remove_file(&lock.images[0][0]).unwrap();
        std::fs::hard_link(&precious, &lock.images[0][0]).unwrap();
        assert!(mine(lock).await.files.is_empty());
        std::fs::remove_file(&lock.images[0][0]).unwrap();
        std::fs::create_dir(&lock.images[0][0]).unwrap();
        assert!(mine(lock).await.files.is_empty());
    });
    assert_eq!(std::fs::read_to_string(precious).unwrap(), "precious");
}

#[test]
fn of_many_one_at_a_time_has_the_lock() {
    let bench = Bench::new();
    let (places, working) = (
        LockPlaces::only(bench.directory.path()),
        std::sync::atomic::AtomicUsize::new(0),
    );
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| run(work_ten_times(&bench, &places, &working)));
        }
    });
    assert!(bench.files().is_empty());
}

async fn work_ten_times(
    bench: &Bench,
    places: &LockPlaces,
    working: &std::sync::atomic::AtomicUsize,
) {
    use std::sync::atomic::Ordering::SeqCst;
    let mut count = 0;
    while count < 10 {
        match bench.lock_in(places, &["a"]).turn().await {
            Turn::Mine(held) => {
                assert_eq!(held.files.len(), 1, "{:?}", bench.told());
                assert_eq!(working.fetch_add(1, SeqCst), 0, "two hold the lock");
                tokio::time::sleep(Duration::from_micros(200)).await;
                working.fetch_sub(1, SeqCst);
                count += 1;
            }
            Turn::LookAgain => {}
        }
    }
}
