//! What the commands print: passed on as it comes, without secrets, and its last lines kept for the error.

use std::collections::VecDeque;
use std::io::{self, Write};

/// How many lines an error shows.
const LINES: usize = 20;
/// How much of a line is kept.
const LONGEST: usize = 1000;
/// What stands where a secret was.
const MASK: &[u8] = b"***";

/// The commands' output.
pub struct Log {
    /// Where it goes.
    writer: Box<dyn Write>,
    /// What must not be seen, the longest first.
    secrets: Vec<Vec<u8>>,
    /// What may be the beginning of a secret.
    held: Vec<u8>,
    last: VecDeque<Vec<u8>>,
    /// Whether the last line is complete.
    is_complete: bool,
}

impl Log {
    /// What is taken goes to `writer`.
    pub fn new(writer: Box<dyn Write>) -> Self {
        Self {
            writer,
            secrets: Vec::new(),
            held: Vec::new(),
            last: VecDeque::new(),
            is_complete: true,
        }
    }

    /// From now on `secret` is masked, whole and each line of it; what is too short to be a secret stays.
    pub fn hide(&mut self, secret: &[u8]) {
        const SHORTEST: usize = 4;
        let lines = secret.split(|byte| *byte == b'\n');
        let parts = lines.chain([secret.trim_ascii()]).map(<[u8]>::trim_ascii);
        let parts = parts.filter(|part| part.len() >= SHORTEST);
        self.secrets.extend(parts.map(<[u8]>::to_vec));
        self.secrets
            .sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        self.secrets.dedup();
    }

    /// Takes output.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.held.extend_from_slice(bytes);
        let (shown, kept) = self.masked();
        self.held = kept;
        self.show(&shown)
    }

    /// Shows what was held back, and ends the line: there is no more.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(&mut self) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        self.show(&held)?;
        if !self.is_complete {
            self.show(b"\n")?;
        }
        Ok(())
    }

    /// The last lines.
    pub fn last_lines(&self) -> Vec<String> {
        let lines = self.last.iter();
        lines
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect()
    }

    /// What of the held bytes can be shown, with secrets masked, and what cannot yet.
    fn masked(&self) -> (Vec<u8>, Vec<u8>) {
        let mut shown = Vec::with_capacity(self.held.len());
        let mut rest = &self.held[..];
        while !rest.is_empty() {
            if let Some(secret) = self.secrets.iter().find(|secret| rest.starts_with(secret)) {
                shown.extend_from_slice(MASK);
                rest = &rest[secret.len()..];
            } else if self.secrets.iter().any(|secret| secret.starts_with(rest)) {
                break;
            } else {
                shown.push(rest[0]);
                rest = &rest[1..];
            }
        }
        (shown, rest.to_vec())
    }

    fn show(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.is_complete {
                self.last.push_back(Vec::new());
                if self.last.len() > LINES {
                    self.last.pop_front();
                }
            }
            self.is_complete = piece.ends_with(b"\n");
            if let Some(line) = self.last.back_mut() {
                let text = piece.strip_suffix(b"\n").unwrap_or(piece);
                let space = LONGEST.saturating_sub(line.len());
                line.extend_from_slice(&text[..text.len().min(space)]);
            }
        }
        self.writer.write_all(bytes)?;
        self.writer.flush()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    #[derive(Clone, Default)]
    struct Shown(Rc<RefCell<Vec<u8>>>);

    impl Write for Shown {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Shown {
        fn text(&self) -> String {
            String::from_utf8(self.0.borrow().clone()).unwrap()
        }
    }

    fn log() -> (Shown, Log) {
        let shown = Shown::default();
        (shown.clone(), Log::new(Box::new(shown)))
    }

    #[test]
    fn what_comes_is_shown_at_once() {
        let (shown, mut log) = log();
        log.take(b"a\nb").unwrap();
        assert_eq!(shown.text(), "a\nb");
        log.finish().unwrap();
        assert_eq!(shown.text(), "a\nb\n");
        assert_eq!(log.last_lines(), ["a", "b"]);
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let (_, mut log) = log();
        for number in 0..100 {
            log.take(format!("line {number}\n").as_bytes()).unwrap();
        }
        let lines = log.last_lines();
        assert_eq!(lines.len(), LINES);
        assert_eq!(lines.first().map(String::as_str), Some("line 80"));
        assert_eq!(lines.last().map(String::as_str), Some("line 99"));
    }

    #[test]
    fn a_secret_is_masked_also_when_it_comes_in_pieces() {
        for size in 1..12 {
            let (shown, mut log) = log();
            log.hide(b"hunter22\n");
            let printed = b"pass: hunter22, hunter2, hunter22hunter22 hunt";
            printed
                .chunks(size)
                .for_each(|piece| log.take(piece).unwrap());
            log.finish().unwrap();
            assert_eq!(shown.text(), "pass: ***, hunter2, ****** hunt\n", "{size}");
            assert_eq!(log.last_lines(), ["pass: ***, hunter2, ****** hunt"]);
        }
    }

    #[test]
    fn each_line_of_a_secret_is_one() {
        let (shown, mut log) = log();
        log.hide(b"-----BEGIN KEY\nabcdef\n\nxy\n");
        log.take(b"abcdef xy\n").unwrap();
        assert_eq!(shown.text(), "*** xy\n");
    }
}
