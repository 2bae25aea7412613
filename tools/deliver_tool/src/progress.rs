//! What a person sees of a delivery while it goes on, on standard error.

use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{DecimalBytes, ProgressBar, ProgressStyle as BarStyle};
use stevedore_delivery::{Event, Observer};

use crate::cli::ProgressStyle;

/// Shows a delivery's events.
#[derive(Clone)]
pub(crate) struct Progress {
    display: Display,
    verbose: bool,
}

#[derive(Clone)]
enum Display {
    Bars(Arc<Mutex<Bars>>),
    Lines,
    Nothing,
}

/// One bar at a time: bytes that are sent, then the layer that the engine unpacks.
#[derive(Default)]
struct Bars {
    current: Option<ProgressBar>,
    unpacking: bool,
}

impl Progress {
    /// Shows events in `style`; `verbose` also shows what the engine says.
    pub(crate) fn new(style: ProgressStyle, verbose: bool) -> Self {
        let display = match style {
            ProgressStyle::None => Display::Nothing,
            ProgressStyle::Auto if io::stderr().is_terminal() => Display::Bars(Arc::default()),
            ProgressStyle::Auto | ProgressStyle::Plain => Display::Lines,
        };
        Self { display, verbose }
    }

    /// Whether the engine's own progress can be shown.
    pub(crate) fn shows_bars(&self) -> bool {
        matches!(self.display, Display::Bars(_))
    }

    /// Is called with what happens.
    pub(crate) fn observer(&self) -> Observer {
        let progress = self.clone();
        Arc::new(move |event| progress.show(event))
    }

    /// Shows a line that stays.
    pub(crate) fn print(&self, line: &str) {
        if !matches!(self.display, Display::Nothing) {
            eprintln!("{line}");
        }
    }

    /// Shows a line that stays to whoever wants to know more.
    pub(crate) fn explain(&self, line: &str) {
        if self.verbose {
            self.print_over(line);
        }
    }

    /// Removes what does not stay.
    pub(crate) fn clear(&self) {
        if let Display::Bars(bars) = &self.display {
            lock(bars).clear();
        }
    }

    fn show(&self, event: Event) {
        match event {
            Event::FellBack { reason } => self.print_over(&format!("note: {reason}")),
            Event::Waiting { process, path } => self.print_over(&waiting(process, &path)),
            Event::NoLock { reason } if self.verbose => {
                self.print_over(&format!("note: loading without a lock: {reason}"));
            }
            Event::Note { text } if self.verbose => self.print_over(&format!("engine: {text}")),
            Event::Detail { text } if self.verbose => self.print_over(&format!("note: {text}")),
            Event::Sending { layers, of, bytes } => {
                let text = format!("sending {layers} of {of} layers, {}", DecimalBytes(bytes));
                match &self.display {
                    Display::Bars(bars) => lock(bars).begin_sending(&text, bytes),
                    Display::Lines | Display::Nothing => self.print(&text),
                }
            }
            Event::Fetching {
                label,
                repository,
                bytes,
            } => self.print_over(&format!(
                "fetching a layer of `{label}` from {repository}, {}",
                DecimalBytes(bytes)
            )),
            Event::SendingBlob {
                label,
                is_layer,
                bytes,
            } => self.show_blob(&label, is_layer, bytes),
            Event::Unsent { bytes } => self.on_bars(|bars| bars.unsent(bytes)),
            Event::Retrying { reason, after } => {
                self.print_over(&format!(
                    "trying again in {:.1} s: {reason}",
                    after.as_secs_f64()
                ));
            }
            Event::Sent { bytes } => self.on_bars(|bars| bars.sent(bytes)),
            Event::Unpacking { current, total } => {
                self.on_bars(|bars| bars.unpacking(current, total));
            }
            _ => {}
        }
    }

    /// A config is not worth a line.
    fn show_blob(&self, label: &str, is_layer: bool, bytes: u64) {
        match &self.display {
            Display::Bars(bars) => lock(bars).add("sending", bytes),
            Display::Lines if is_layer => {
                self.print(&format!(
                    "sending a layer of `{label}`, {}",
                    DecimalBytes(bytes)
                ));
            }
            Display::Lines | Display::Nothing => {}
        }
    }

    fn on_bars(&self, act: impl FnOnce(&mut Bars)) {
        if let Display::Bars(bars) = &self.display {
            act(&mut lock(bars));
        }
    }

    fn print_over(&self, line: &str) {
        self.clear();
        self.print(line);
    }
}

fn waiting(process: Option<u32>, path: &Path) -> String {
    let process = match process {
        Some(process) => format!("process {process}"),
        None => "another process".to_owned(),
    };
    format!(
        "waiting for {process}, which loads the same image (it holds `{}`)",
        path.display()
    )
}

fn lock(bars: &Mutex<Bars>) -> std::sync::MutexGuard<'_, Bars> {
    // A bar has no state that a panic elsewhere could have spoilt.
    bars.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Bars {
    fn begin_sending(&mut self, text: &str, bytes: u64) {
        self.begin(text, bytes);
        self.unpacking = false;
    }

    /// More is to be sent beside what the bar shows.
    fn add(&mut self, text: &str, bytes: u64) {
        match &self.current {
            Some(bar) if !self.unpacking => bar.inc_length(bytes),
            _ => self.begin_sending(text, bytes),
        }
    }

    fn unsent(&self, bytes: u64) {
        if let Some(bar) = &self.current {
            bar.set_position(bar.position().saturating_sub(bytes));
        }
    }

    fn sent(&self, bytes: u64) {
        if let (Some(bar), false) = (&self.current, self.unpacking) {
            bar.inc(bytes);
        }
    }

    fn unpacking(&mut self, current: u64, total: u64) {
        if !self.unpacking {
            self.begin("the engine unpacks", total);
            self.unpacking = true;
        }
        if let Some(bar) = &self.current {
            bar.set_length(total);
            bar.set_position(current);
        }
    }

    fn begin(&mut self, text: &str, length: u64) {
        self.clear();
        let bar = ProgressBar::new(length);
        let template =
            "{msg} [{bar:30}] {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec}";
        if let Ok(style) = BarStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(text.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        self.current = Some(bar);
    }

    fn clear(&mut self) {
        if let Some(bar) = self.current.take() {
            bar.finish_and_clear();
        }
    }
}
