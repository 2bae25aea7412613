//! Where the asynchronous part of a verb runs.

use std::future::Future;

use anyhow::Context as _;

/// Runs `future` to its end on this thread.
///
/// A thread that still reads a layer, or standard input, is not waited for.
pub(crate) fn run<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start the asynchronous runtime")?;
    let result = runtime.block_on(future);
    runtime.shutdown_background();
    result
}
