//! When a failed request is tried again, and after how long.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::time::{Duration, Instant, SystemTime};

use hyper::header::RETRY_AFTER;
use hyper::StatusCode;

use crate::answer::Answer;
use crate::error::Error;
use crate::options::{Notice, Options};

/// The first pause is half to all of this, and each next one is of twice the length.
const FIRST_PAUSE: Duration = Duration::from_millis(400);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// Counts the failures of one request.
pub(crate) struct Retries<'a> {
    options: &'a Options,
    failures: u32,
    first_failure: Option<Instant>,
}

impl<'a> Retries<'a> {
    /// No failure yet.
    pub(crate) fn new(options: &'a Options) -> Self {
        Self {
            options,
            failures: 0,
            first_failure: None,
        }
    }

    /// Bytes have arrived since the last failure: patience begins anew.
    pub(crate) fn progress(&mut self) {
        self.failures = 0;
        self.first_failure = None;
    }

    /// Waits until it is time to try again.
    ///
    /// # Errors
    /// `error`, if it is of a kind that stays, or has been tried long enough.
    pub(crate) async fn after(&mut self, failure: Failure) -> Result<(), Error> {
        let Failure::Passing { error, wait } = failure else {
            return Err(failure.into_error());
        };
        self.failures += 1;
        let begun = *self.first_failure.get_or_insert_with(Instant::now);
        // A registry that says 0 is not asked without a pause for that.
        let pause = wait.unwrap_or_default().max(self.pause());
        let elapsed = begun.elapsed();
        if elapsed + pause > self.options.patience {
            return Err(match self.failures {
                1 => error,
                attempts => Error::GaveUp {
                    attempts,
                    seconds: elapsed.as_secs(),
                    source: Box::new(error),
                },
            });
        }
        (self.options.notify)(Notice::Retrying {
            reason: chain(&error),
            after: pause,
        });
        tokio::time::sleep(pause).await;
        Ok(())
    }

    fn pause(&self) -> Duration {
        let doubled = FIRST_PAUSE.saturating_mul(1 << self.failures.saturating_sub(1).min(10));
        let longest = doubled.min(LONGEST_PAUSE);
        // Those that failed together should not come back together.
        let part = RandomState::new().hash_one(self.failures) % 1000;
        longest / 2 + longest / 2 * u32::try_from(part).unwrap_or(0) / 1000
    }
}

/// A failure, and whether it may pass.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It may.
    Passing {
        error: Error,
        /// How long the registry wants to be left alone.
        wait: Option<Duration>,
    },
    /// It does not.
    Lasting(Error),
}

impl Failure {
    /// One that may pass, without a word about when.
    pub(crate) fn passing(error: Error) -> Self {
        Self::Passing { error, wait: None }
    }

    /// The failure that an answer tells, which is `error`.
    pub(crate) fn of_answer(answer: &Answer, error: Error) -> Self {
        match is_passing(answer.status) {
            true => Self::Passing {
                error,
                wait: retry_after(answer),
            },
            false => Self::Lasting(error),
        }
    }

    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Passing { error, .. } | Self::Lasting(error) => error,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Lasting(error)
    }
}

/// Whether a request that got this status may succeed later.
pub(crate) fn is_passing(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
    ) || (status.is_server_error()
        && !matches!(
            status,
            StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED
        ))
}

/// `Retry-After`: seconds, or a date.
fn retry_after(answer: &Answer) -> Option<Duration> {
    let value = answer.header(RETRY_AFTER)?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

/// An error and its causes on one line.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
