//! What an instance of the singleton writes down about itself, and how it is read back.
//!
//! Each process appends lines to a file of its own. A line about an effect is written *before* the effect leaves, with
//! one `write`, so that a SIGKILL takes nothing back that others may have seen: the kernel has it already. Once it is
//! known whether the effect left, that is written too, with a new reading of the clock, because the process may have
//! been stopped in between.
//!
//! ```text
//! begin 1 1099511627777 123456     instance 1 may handle messages from now on, under this epoch
//! offer 1 7 123460                 its effect 7 is about to leave
//! left 1 7 123465                  it left
//! kept 1 8 123471                  effect 8 was refused by the runtime and did not leave
//! end 1 lapsed                     instance 1 is gone
//! ```
//!
//! The last effect of an instance is the latest `left`, or `offer` of which nobody knows whether it left. What the
//! runtime believes is not in here.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::clock::now_ns;
use super::report::End;

/// The record of one process.
#[derive(Clone, Debug)]
pub struct Recorder {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    file: File,
    /// The next number of an instance or an effect of this process; they need only differ.
    next: AtomicU64,
}

impl Recorder {
    /// Opens the record of this process, which must not exist yet: every life of a node has its own.
    ///
    /// # Errors
    ///
    /// The file system's error.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create_new(true).open(path)?;
        Ok(Self {
            shared: Arc::new(Shared {
                file,
                next: AtomicU64::new(1),
            }),
        })
    }

    /// An instance begins: call this before it may handle its first message.
    pub fn begin(&self, epoch: u64) -> Instance {
        let id = self.next();
        self.write(format_args!("begin {id} {epoch} {}", now_ns()));
        Instance {
            recorder: self.clone(),
            id,
            end: End::Lapsed,
        }
    }

    fn next(&self) -> u64 {
        self.shared.next.fetch_add(1, Ordering::Relaxed)
    }

    fn write(&self, line: fmt::Arguments<'_>) {
        let text = format!("{line}\n");
        // An instance that cannot account for itself must have no effects; the whole example rests on it.
        (&self.shared.file)
            .write_all(text.as_bytes())
            .expect("the record of this process can be written");
    }
}

/// One instance. Dropped without a word about how it ends, it has lapsed: that is what a dropped actor looks like.
#[derive(Debug)]
pub struct Instance {
    recorder: Recorder,
    id: u64,
    end: End,
}

impl Instance {
    /// An effect is about to leave: call this before, and [`Offer::left`] or [`Offer::kept`] once that is known.
    pub fn offer(&self) -> Offer {
        self.offer_at(now_ns())
    }

    /// As [`Instance::offer`], with an earlier reading of the clock.
    pub fn offer_at(&self, at_ns: u64) -> Offer {
        let seq = self.recorder.next();
        self.recorder
            .write(format_args!("offer {} {seq} {at_ns}", self.id));
        Offer {
            recorder: self.recorder.clone(),
            instance: self.id,
            seq,
        }
    }

    /// The instance will end in this way. It is written down when it is dropped.
    pub fn ends(&mut self, end: End) {
        self.end = end;
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.recorder.write(format_args!("end {} {}", self.id, self.end));
    }
}

/// An effect of which it is not yet written down whether it left. Dropped, it counts as one that left.
#[derive(Debug)]
#[must_use = "say whether the effect left"]
pub struct Offer {
    recorder: Recorder,
    instance: u64,
    seq: u64,
}

impl Offer {
    /// The effect has left.
    pub fn left(self) {
        self.conclude("left");
    }

    /// The runtime refused the effect: nobody can have seen it.
    pub fn kept(self) {
        self.conclude("kept");
    }

    fn conclude(&self, how: &str) {
        self.recorder
            .write(format_args!("{how} {} {} {}", self.instance, self.seq, now_ns()));
    }
}

/// An instance as its record tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tenure {
    /// Its epoch.
    pub epoch: u64,
    /// When it could begin to handle messages, in nanoseconds on CLOCK_MONOTONIC.
    pub from_ns: u64,
    /// Its last effect; its beginning when it had none.
    pub to_ns: u64,
    /// Effects that left, as far as is known.
    pub effects: u64,
    /// How it ended; `None` when its process ended first.
    pub end: Option<End>,
}

/// A record is not what an instance writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordError {
    /// The line, counted from 1.
    pub line: usize,
    /// What stands there.
    pub text: String,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {} of a record makes no sense: {:?}",
            self.line, self.text
        )
    }
}

impl std::error::Error for RecordError {}

/// Reads the record of one process: its instances, in the order of their beginnings.
///
/// A last line without its end was cut off with the process; the effect that it would have announced never left.
///
/// # Errors
///
/// [`RecordError`] with the first line that makes no sense.
pub fn read(text: &str) -> Result<Vec<Tenure>, RecordError> {
    let mut reader = Reader::default();
    let lines = text
        .split_inclusive('\n')
        .filter_map(|line| line.strip_suffix('\n'));
    for (index, line) in lines.enumerate() {
        reader.read(line).ok_or_else(|| RecordError {
            line: index + 1,
            text: line.to_owned(),
        })?;
    }
    Ok(reader.finish())
}

#[derive(Default)]
struct Reader {
    /// By instance, which is numbered in the order of the beginnings.
    tenures: BTreeMap<u64, Tenure>,
    /// Offers without an end: the instance and the time.
    open: BTreeMap<u64, (u64, u64)>,
}

impl Reader {
    /// `None` when the line makes no sense.
    fn read(&mut self, line: &str) -> Option<()> {
        let mut words = line.split(' ');
        let kind = words.next()?;
        let id: u64 = number(words.next())?;
        match kind {
            "begin" => {
                let (epoch, at) = (number(words.next())?, number(words.next())?);
                let tenure = Tenure {
                    epoch,
                    from_ns: at,
                    to_ns: at,
                    effects: 0,
                    end: None,
                };
                if self.tenures.insert(id, tenure).is_some() {
                    return None;
                }
            }
            "offer" => {
                let (seq, at) = (number(words.next())?, number(words.next())?);
                self.tenures.get(&id)?;
                self.open.insert(seq, (id, at));
            }
            "left" | "kept" => {
                let (seq, at) = (number(words.next())?, number(words.next())?);
                self.open.remove(&seq)?;
                if kind == "left" {
                    self.effect(id, at)?;
                }
            }
            "end" => self.tenures.get_mut(&id)?.end = Some(end(words.next()?)?),
            _ => return None,
        }
        words.next().is_none().then_some(())
    }

    fn effect(&mut self, id: u64, at: u64) -> Option<()> {
        let tenure = self.tenures.get_mut(&id)?;
        tenure.to_ns = tenure.to_ns.max(at);
        tenure.effects += 1;
        Some(())
    }

    fn finish(mut self) -> Vec<Tenure> {
        for (id, at) in std::mem::take(&mut self.open).into_values() {
            // The instance was known when the offer was read.
            let _known = self.effect(id, at);
        }
        self.tenures.into_values().collect()
    }
}

fn number<T: FromStr>(word: Option<&str>) -> Option<T> {
    word?.parse().ok()
}

fn end(word: &str) -> Option<End> {
    [End::Killed, End::Stopped, End::HandedOff, End::Lapsed]
        .into_iter()
        .find(|end| end.as_str() == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Tenure {
        let tenures = read(text).unwrap();
        assert_eq!(tenures.len(), 1, "{text}");
        tenures[0]
    }

    #[test]
    fn an_instance_without_effects_has_no_length() {
        let tenure = one("begin 1 7 100\n");
        assert_eq!(
            (tenure.epoch, tenure.from_ns, tenure.to_ns, tenure.end),
            (7, 100, 100, None)
        );
    }

    #[test]
    fn the_last_effect_is_the_end() {
        let tenure = one(
            "begin 1 7 100\noffer 1 2 110\nleft 1 2 112\noffer 1 3 120\nleft 1 3 125\nend 1 handed-off\n",
        );
        assert_eq!(
            (tenure.to_ns, tenure.effects, tenure.end),
            (125, 2, Some(End::HandedOff))
        );
    }

    #[test]
    fn an_effect_that_may_have_left_counts() {
        let tenure = one("begin 1 7 100\noffer 1 2 110\n");
        assert_eq!((tenure.to_ns, tenure.effects), (110, 1));
    }

    #[test]
    fn an_effect_that_left_after_a_pause_counts_where_it_left() {
        assert_eq!(one("begin 1 7 100\noffer 1 2 110\nleft 1 2 9000\n").to_ns, 9000);
    }

    #[test]
    fn an_effect_that_was_refused_does_not_count() {
        let tenure = one("begin 1 7 100\noffer 1 2 9000\nkept 1 2 9001\nend 1 lapsed\n");
        assert_eq!((tenure.to_ns, tenure.effects), (100, 0));
    }

    #[test]
    fn a_line_that_was_cut_off_is_no_effect() {
        assert_eq!(one("begin 1 7 100\noffer 1 2 11").to_ns, 100);
    }

    #[test]
    fn several_instances_of_a_process_are_kept_apart() {
        let text = "begin 1 7 100\noffer 1 2 110\nleft 1 2 111\nend 1 lapsed\nbegin 3 9 200\noffer 3 4 210\n";
        let tenures = read(text).unwrap();
        let seen: Vec<_> = tenures
            .iter()
            .map(|it| (it.epoch, it.from_ns, it.to_ns))
            .collect();
        assert_eq!(seen, [(7, 100, 111), (9, 200, 210)]);
    }

    #[test]
    fn nonsense_is_refused_with_its_line() {
        for bad in [
            "start 1 7 100\n",
            "begin 1 7\n",
            "begin 1 7 100 5\n",
            "begin 1 x 100\n",
            "offer 1 2 110\n",
            "left 1 2 110\n",
            "end 1 gone\n",
            "\n",
        ] {
            let text = format!("begin 5 7 100\n{bad}");
            assert_eq!(read(&text).unwrap_err().line, 2, "{bad}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("one.record");
        let recorder = Recorder::create(&path).unwrap();
        let mut first = recorder.begin(7);
        first.offer().left();
        first.offer().kept();
        first.ends(End::Stopped);
        drop(first);
        let second = recorder.begin(9);
        drop(second.offer());
        let tenures = read(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let seen: Vec<_> = tenures.iter().map(|it| (it.epoch, it.effects, it.end)).collect();
        assert_eq!(seen, [(7, 1, Some(End::Stopped)), (9, 1, None)]);
        assert!(tenures[0].from_ns <= tenures[0].to_ns && tenures[0].to_ns <= tenures[1].from_ns);
        assert!(Recorder::create(&path).is_err(), "a record belongs to one life");
    }
}
