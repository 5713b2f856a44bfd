//! What must hold, whatever happened.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use messaging::Record;
use serde_json::Value;

use crate::events::{Due, Event, Sent, by_place, parts};
use crate::reference::{self, Said, said};

/// What Kafka Connect calls the place and the reason of a dead letter.
const PLACE: [&str; 3] = ["__connect.errors.topic", "__connect.errors.partition", "__connect.errors.offset"];
const REASON: &str = "__connect.errors.exception.class.name";
const MESSAGE: &str = "__connect.errors.exception.message";
const OTHERS: [(&str, &[&str]); 4] = [
    ("__connect.errors.connector.name", &["serin"]),
    ("__connect.errors.task.id", &["0"]),
    ("__connect.errors.stage", &["decode", "score"]),
    ("__connect.errors.class.name", &["events::Decoder", "inference::Engine"]),
];
const HEADERS: usize = PLACE.len() + 2 + OTHERS.len();

/// What says that a dead letter goes without its value.
const OMITTED: &str = "serin-omitted-bytes";

/// How the canary does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Canary {
    Answers,
    /// It fails on every event, and production's answer is marked with this.
    Fails(&'static str),
}

/// What a run left behind.
pub(crate) struct Found {
    /// Predictions, shadow predictions and dead letters.
    pub(crate) at_end: [Vec<Record>; 3],
    /// The same, as they were seen while the scorers ran.
    pub(crate) meanwhile: Vec<Record>,
    /// The committed positions of production on the input.
    pub(crate) committed: [u64; 4],
    pub(crate) canary: Canary,
    pub(crate) has_shadow: bool,
}

/// What was checked, and what is wrong.
pub(crate) struct Finding {
    pub(crate) events: usize,
    pub(crate) dead_letters: usize,
    pub(crate) violations: Vec<String>,
}

/// What a prediction has to say of the event with an id.
type Expected<'a> = &'a dyn Fn(&str) -> Value;

/// Checks all that a run left behind against what was sent.
pub(crate) fn check(sent: &[Sent], found: &Found) -> Finding {
    let [predictions, shadows, letters] = &found.at_end;
    let mut wrong = Vec::new();
    let served = |id: &str| expected(id, found.canary);
    each_once("prediction", sent, (predictions, &served), &mut wrong);
    if found.has_shadow {
        let silent = |id: &str| reference(&reference::SHADOW, id);
        each_once("shadow prediction", sent, (shadows, &silent), &mut wrong);
    }
    each_dead(sent, letters, &mut wrong);
    positions(sent, found.committed, &mut wrong);
    seen_alike(found, &mut wrong);
    Finding { events: sent.len(), dead_letters: letters.len(), violations: wrong }
}

/// Every event that can be scored has one prediction, in the order of its key, and it says what it has to say.
fn each_once(
    what: &str,
    sent: &[Sent],
    (found, expected): (&[Record], Expected<'_>),
    wrong: &mut Vec<String>,
) {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for Sent { event, .. } in sent {
        if let Due::Scored { id, .. } = &event.due {
            counts.insert(id, 0);
        }
    }
    let mut last: HashMap<&[u8], usize> = HashMap::new();
    for record in found {
        let prediction: Value = serde_json::from_slice(record.value.as_deref().unwrap_or_default()).unwrap();
        let id = prediction["event_id"].as_str().unwrap();
        let Some((_, number)) = parts(id) else {
            wrong.push(format!("{what} of {id:?}, which was never sent"));
            continue;
        };
        match counts.get_mut(id) {
            Some(count) => *count += 1,
            None => wrong.push(format!("{what} of {id:?}, which was never sent to be scored")),
        }
        let before = last.insert(record.key.as_deref().unwrap_or_default(), number);
        if before.is_some_and(|before| before >= number) {
            wrong.push(format!("{what} of {id:?} comes after that of number {before:?} of its key"));
        }
        let (said, expected) = (in_one_word(said(&prediction)), expected(id));
        if said != expected {
            wrong.push(format!("{what} of {id:?} says {said}, not {expected}"));
        }
    }
    let counts = counts.into_iter().filter(|(_, count)| *count != 1);
    wrong.extend(counts.map(|(id, count)| format!("{id:?} has {count} {what}s")));
}

/// What the undisturbed run says of an event's flight.
fn reference(said: &Said, id: &str) -> Value {
    parts(id).and_then(|(flight, _)| said.get(flight)).cloned().unwrap_or_default()
}

/// A canary that hangs is late at first, and then not asked any more: which of the two an event meets is not told before.
fn in_one_word(mut said: Value) -> Value {
    if said["fallback"] == "deadline" {
        said["fallback"] = "unavailable".into();
    }
    said
}

/// What is to be said of an event: as undisturbed, or by production where the canary fails.
fn expected(id: &str, canary: Canary) -> Value {
    let mut served = reference(&reference::SERVED, id);
    if let Canary::Fails(fallback) = canary
        && served["role"] == "canary"
    {
        let production = reference(&reference::PRODUCTION, id);
        served["version"] = production["version"].clone();
        served["outputs"] = production["outputs"].clone();
        served["fallback"] = fallback.into();
    }
    served
}

/// Every event that cannot be scored is one dead letter: itself byte for byte, and all headers beside it.
fn each_dead(sent: &[Sent], letters: &[Record], wrong: &mut Vec<String>) {
    let mut due: BTreeMap<(u32, u64), &Event> = by_place(sent);
    due.retain(|_, event| !matches!(event.due, Due::Scored { .. }));
    for letter in letters {
        let Some(place) = place(letter) else {
            wrong.push(format!("a dead letter says not where it is from: {:?}", letter.headers));
            continue;
        };
        match due.remove(&place) {
            None => wrong.push(format!("the dead letter of {place:?} comes twice, or should not be one")),
            Some(event) => wrong.extend(
                is_whole(event, letter).map(|fault| format!("the dead letter of {place:?}: {fault}")),
            ),
        }
    }
    wrong.extend(due.keys().map(|place| format!("{place:?} has no dead letter")));
}

/// The partition and the offset that a dead letter names.
fn place(letter: &Record) -> Option<(u32, u64)> {
    let [topic, partition, offset] = PLACE.map(|name| text(letter, name));
    (topic? == "features").then_some((partition?.parse().ok()?, offset?.parse().ok()?))
}

fn text(letter: &Record, name: &str) -> Option<String> {
    String::from_utf8(letter.headers.get(name)?.to_vec()).ok()
}

/// What is wrong with a dead letter, if anything is.
fn is_whole(event: &Event, letter: &Record) -> Option<&'static str> {
    let Event { output, due } = event;
    let (reason, is_omitted) = match due {
        Due::Scored { .. } => return Some("it should have been scored"),
        Due::Dead { reason } => (*reason, false),
        Due::Omitted => ("too_large", true),
    };
    let is_named = |(name, values): &(&str, &[&str])| {
        text(letter, name).is_some_and(|value| values.contains(&value.as_str()))
    };
    let rows = [
        (output.key == letter.key, "its key is another"),
        (letter.value == output.value.clone().filter(|_| !is_omitted), "its value is another"),
        (
            letter.headers.get(OMITTED).is_some() == is_omitted,
            "it does not say whether its value was left out",
        ),
        (output.timestamp == letter.timestamp, "its time is another"),
        (
            letter.headers.len() == output.headers.len() + HEADERS + usize::from(is_omitted),
            "headers are missing, or there are more",
        ),
        (letter.headers.iter().zip(&output.headers).all(|(is, was)| is == was), "its own headers are others"),
        (text(letter, REASON).as_deref() == Some(reason), "its reason is another"),
        (text(letter, MESSAGE).is_some_and(|message| !message.is_empty()), "it has no message"),
        (OTHERS.iter().all(is_named), "its group or its stage is another"),
    ];
    rows.into_iter().find(|(holds, _)| !holds).map(|(_, fault)| fault)
}

/// The group is where the last event is.
fn positions(sent: &[Sent], committed: [u64; 4], wrong: &mut Vec<String>) {
    for Sent { placed, .. } in sent {
        if placed.offset >= committed[placed.partition as usize] {
            wrong.push(format!("all outputs are there, but {placed:?} is not behind {committed:?}"));
            return;
        }
    }
}

/// Who read all the time saw what is there at the end: nothing that went away, and nothing in another order.
fn seen_alike(found: &Found, wrong: &mut Vec<String>) {
    let mut seen: BTreeMap<(&str, u32), Vec<&Record>> = BTreeMap::new();
    for record in &found.meanwhile {
        seen.entry((&record.topic, record.partition)).or_default().push(record);
    }
    let mut at_end: BTreeMap<(&str, u32), Vec<&Record>> = BTreeMap::new();
    for record in found.at_end.iter().flatten() {
        at_end.entry((&record.topic, record.partition)).or_default().push(record);
    }
    if seen != at_end {
        let count = |all: &BTreeMap<_, Vec<_>>| all.values().map(Vec::len).sum::<usize>();
        let (seen, at_end) = (count(&seen), count(&at_end));
        wrong.push(format!("the concurrent reader saw other records ({seen}) than there are ({at_end})"));
    }
}
