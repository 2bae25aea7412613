//! What runs commands: the engines, and the sandbox.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use stevedore_testing::EngineApi;

use super::job::Job;
use crate::listed;

/// The label of everything that a run makes.
const LABEL: &str = "rules-stevedore/run";

/// One test at a time: they look at all that an engine has.
static RUNNERS: Mutex<()> = Mutex::new(());

/// An engine, or the sandbox.
#[derive(Clone, Debug)]
pub(crate) struct Runner {
    /// As `dev/engine` calls it, or `sandbox`.
    pub(crate) name: String,
    /// Its address; the sandbox has none.
    pub(crate) host: Option<String>,
}

/// Runs `test` with every engine whose name `fits`, and with `sandbox` if that does; one at least must.
pub(crate) fn with_runners(fits: impl Fn(&str) -> bool, test: impl Fn(&Runner)) {
    let _guard: MutexGuard<'_, ()> = RUNNERS.lock().unwrap_or_else(PoisonError::into_inner);
    let engines = listed::engines().into_iter();
    let engines = engines.filter(|engine| engine.address.starts_with("unix://"));
    let runners = engines
        .map(|engine| Runner {
            name: engine.name,
            host: Some(engine.address),
        })
        .chain([Runner {
            name: "sandbox".to_owned(),
            host: None,
        }]);
    let mut count = 0;
    for runner in runners.filter(|runner| fits(&runner.name)) {
        count += 1;
        eprintln!("runner {}", runner.name);
        test(&runner);
        runner.is_clean();
    }
    assert!(count > 0, "no engine for this test in {}", listed::VARIABLE);
}

/// Those with a disk that is not small.
pub(crate) fn is_plain(name: &str) -> bool {
    !name.contains('@')
}

impl Runner {
    /// A run of `commands` in an image with a small system.
    pub(crate) fn job(&self, commands: &[&str]) -> Job {
        Job::new(self, commands)
    }

    /// The engine's own API.
    pub(crate) fn api(&self) -> Option<EngineApi> {
        let socket = self.host.as_deref()?.strip_prefix("unix://")?;
        Some(EngineApi::at(socket.as_ref()))
    }

    /// Nothing of any run is there, or it goes within seconds.
    #[track_caller]
    pub(crate) fn is_clean(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let left = self.left();
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "{}: {left:?} remain", self.name);
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The containers and volumes of runs.
    pub(crate) fn left(&self) -> Vec<String> {
        let Some(api) = self.api() else {
            return Vec::new();
        };
        let filters = format!(
            "filters=%7B%22label%22%3A%5B%22{}%22%5D%7D",
            LABEL.replace('/', "%2F")
        );
        let get = |path: &str| api.call("GET", path, &Value::Null).unwrap().1;
        let containers = get(&format!("/containers/json?all=1&{filters}"));
        let volumes = get(&format!("/volumes?{filters}"));
        let named = |list: &Value, name: &str| -> Vec<String> {
            let items = list.as_array().cloned().unwrap_or_default();
            items.iter().map(|item| item[name].to_string()).collect()
        };
        [
            named(&containers, "Names"),
            named(&volumes["Volumes"], "Name"),
        ]
        .concat()
    }
}
