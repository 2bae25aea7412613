//! Waiting for what takes a moment.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

/// Tries until it succeeds. If it does not within `limit`, its last error is the result.
pub(crate) fn wait_for<T>(limit: Duration, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    loop {
        match attempt() {
            Ok(found) => return Ok(found),
            Err(error) if start.elapsed() >= limit => {
                return Err(error).with_context(|| format!("waited {limit:?} in vain"));
            }
            Err(_) => thread::sleep(PAUSE),
        }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::ensure;

    use super::*;

    #[test]
    fn it_tries_until_it_succeeds_or_the_time_is_over() -> Result<()> {
        let mut attempts = 0;
        let found = wait_for(Duration::from_secs(60), || {
            attempts += 1;
            ensure!(attempts == 2, "not yet");
            Ok(attempts)
        })?;
        assert_eq!(found, 2);
        let failed = wait_for(Duration::ZERO, || -> Result<()> { anyhow::bail!("never") });
        assert!(failed.is_err_and(|error| error.root_cause().to_string() == "never"));
        Ok(())
    }
}
