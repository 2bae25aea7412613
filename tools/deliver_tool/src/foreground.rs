//! Running a container of the image that was loaded.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::Context as _;
use stevedore_engine::{Container, ContainerRequest, Docker, Input, Output, OutputReader};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::signals::Signals;
use crate::terminal::{self, RawMode};

/// Runs a container in the foreground, and gives its exit code.
///
/// Standard streams and signals are passed on; the engine removes the container when it ends.
pub(crate) async fn run(
    engine: &Docker,
    request: &ContainerRequest,
    signals: &mut Signals,
) -> anyhow::Result<i32> {
    let container = engine.create_container(request).await?;
    match serve(&container, request.terminal, signals).await {
        Ok(code) => Ok(code),
        Err(error) => {
            let removed = container.remove().await;
            removed.with_context(|| {
                format!("container `{}` remains after: {error:#}", container.id())
            })?;
            Err(error)
        }
    }
}

/// Lets `command`, which runs a container, take the place of this program: standard streams, signals and the exit code
/// are its own. Comes back only with an error.
pub(crate) fn become_command(mut command: Command) -> anyhow::Error {
    let error = command.exec();
    anyhow::Error::new(error).context(format!(
        "failed to run `{}`",
        command.get_program().to_string_lossy()
    ))
}

/// Connects everything, starts the container, and passes everything on until there is no more output.
async fn serve(
    container: &Container<'_>,
    terminal: bool,
    signals: &mut Signals,
) -> anyhow::Result<i32> {
    let (input, output) = container.attach().await?;
    let wait = container.begin_wait().await?;
    container.start().await?;
    let _raw_mode = match terminal {
        true => Some(RawMode::enter().context("failed to give the container the terminal")?),
        false => None,
    };
    // Each on its own: a container that writes before it reads on must not stop both.
    tokio::select! {
        end = pass_output(output) => end?,
        Err(error) = pass_input(input) => return Err(error),
        Err(error) = pass_signals(container, signals) => return Err(error),
        Err(error) = pass_sizes(container), if terminal => return Err(error),
    }
    Ok(i32::try_from(wait.finish().await?)?)
}

async fn pass_output(mut output: OutputReader) -> anyhow::Result<()> {
    while let Some(output) = output
        .next()
        .await
        .context("failed to read the container's output")?
    {
        print(&output)
            .await
            .context("failed to print the container's output")?;
    }
    Ok(())
}

/// Passes standard input on; its end is no end of the container, and neither is one that reads no more.
async fn pass_input(mut input: Input) -> anyhow::Result<()> {
    let mut stdin = tokio::io::stdin();
    let mut typed = vec![0; 32 << 10];
    loop {
        let count = stdin
            .read(&mut typed)
            .await
            .context("failed to read standard input")?;
        let given = match &typed[..count] {
            [] => input.close().await,
            typed => input.write(typed).await,
        };
        if count == 0 || given.is_err() {
            return Ok(());
        }
    }
}

/// Passes signals on. One that comes when the container has ended is no error.
async fn pass_signals(container: &Container<'_>, ending: &mut Signals) -> anyhow::Result<()> {
    let mut others = Signals::for_programs().context("failed to listen for signals")?;
    loop {
        let signal = tokio::select! {
            signal = ending.next() => signal,
            signal = others.next() => signal,
        };
        if let Err(error) = container.signal(signal.name()).await {
            eprintln!("warning: {error}");
        }
    }
}

/// Gives the container's terminal the size of this one, now and whenever that changes.
async fn pass_sizes(container: &Container<'_>) -> anyhow::Result<()> {
    let mut changes = Signals::of_the_terminal().context("failed to listen for signals")?;
    loop {
        let size = terminal::window_size().context("failed to get the terminal's size")?;
        // The container may have ended already.
        if let Err(error) = container.resize(size).await {
            eprintln!("warning: {error}");
        }
        changes.next().await;
    }
}

async fn print(output: &Output) -> io::Result<()> {
    match output {
        Output::Stdout(bytes) => {
            let mut stdout = tokio::io::stdout();
            stdout.write_all(bytes).await?;
            stdout.flush().await
        }
        Output::Stderr(bytes) => {
            let mut stderr = tokio::io::stderr();
            stderr.write_all(bytes).await?;
            stderr.flush().await
        }
    }
}
