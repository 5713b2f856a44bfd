//! The checker finds what it is there to find.

use bytes::Bytes;
use messaging::{Headers, Placed};

use super::*;
use crate::events::event;
use crate::reference::{SERVED, SHADOW};

/// What a run without faults would leave behind of some events.
fn sound() -> (Vec<Sent>, Found) {
    let mut ends = [0; 4];
    let mut sent = Vec::new();
    for number in 0..1_200 {
        let event = event(number);
        let partition = messaging::partition_of(event.output.key.as_deref().unwrap(), 4);
        let end = &mut ends[partition as usize];
        sent.push(Sent { event, placed: Placed { partition, offset: *end } });
        *end += 1;
    }
    let outputs = |topic, of: fn(&Sent) -> Option<(Bytes, Headers)>| -> Vec<Record> {
        let mut records: Vec<_> = sent.iter().filter_map(|each| record(topic, each, of(each)?)).collect();
        records.sort_by_key(|record| (record.partition, record.offset));
        records
    };
    let at_end = [
        outputs("predictions", |sent| prediction(sent, &SERVED)),
        outputs("shadow-predictions", |sent| prediction(sent, &SHADOW)),
        letters(&sent),
    ];
    let meanwhile = at_end.iter().flatten().cloned().collect();
    (sent, Found { at_end, meanwhile, committed: ends, canary: Canary::Answers, has_shadow: true })
}

#[expect(clippy::unnecessary_wraps, reason = "for `filter_map`")]
fn record(topic: &str, sent: &Sent, (value, headers): (Bytes, Headers)) -> Option<Record> {
    let Sent { event, placed } = sent;
    Some(Record {
        topic: topic.into(),
        partition: placed.partition,
        offset: placed.offset,
        timestamp: event.output.timestamp,
        key: event.output.key.clone(),
        value: Some(value),
        headers,
    })
}

fn prediction(sent: &Sent, said: &Said) -> Option<(Bytes, Headers)> {
    let Due::Scored { id } = &sent.event.due else { return None };
    let mut prediction = reference(said, id);
    for field in ["prediction_id", "revision", "scored_at"] {
        prediction[field] = 1.into();
    }
    prediction["event_id"] = id.as_str().into();
    Some((prediction.to_string().into(), Headers::new()))
}

fn letters(sent: &[Sent]) -> Vec<Record> {
    let letter = |each: &Sent| {
        let Due::Dead { reason } = each.event.due else { return None };
        let mut headers = each.event.output.headers.clone();
        let place =
            ["features".to_owned(), each.placed.partition.to_string(), each.placed.offset.to_string()];
        PLACE.iter().zip(place).for_each(|(name, text)| headers.push(*name, text));
        for (name, text) in
            [(REASON, reason), (MESSAGE, "why"), (OTHERS[0].0, "serin"), (OTHERS[1].0, "decode")]
        {
            headers.push(name, text);
        }
        let letter = record("features.dlq", each, (Bytes::new(), headers))?;
        Some(Record { value: each.event.output.value.clone(), ..letter })
    };
    sent.iter().filter_map(letter).collect()
}

#[test]
fn what_is_sound_has_no_violations() {
    let (sent, found) = sound();
    assert_eq!(check(&sent, &found).violations, Vec::<String>::new());
}

#[test]
fn each_violation_is_found() {
    /// Two neighbours on a partition with one key.
    fn pair(records: &[Record]) -> usize {
        records.windows(2).position(|pair| pair[0].key == pair[1].key).unwrap()
    }
    fn edit(record: &mut Record, from: &str, to: &str) {
        let text = String::from_utf8(record.value.as_deref().unwrap().to_vec()).unwrap();
        assert!(text.contains(from), "{text}");
        record.value = Some(text.replacen(from, to, 1).into());
    }
    type Spoil = fn(&mut Found);
    let rows: [(&str, Spoil, &str); 12] = [
        ("lost", |found| drop(found.at_end[0].remove(7)), "has 0 predictions"),
        ("lost by the shadow", |found| drop(found.at_end[1].remove(7)), "has 0 shadow predictions"),
        ("twice", |found| found.at_end[0].push(found.at_end[0][7].clone()), "has 2 predictions"),
        (
            "out of order",
            |found| {
                let at = pair(&found.at_end[0]);
                let [first, second] = &mut found.at_end[0][at..at + 2] else { unreachable!() };
                std::mem::swap(&mut first.value, &mut second.value);
            },
            "comes after that of number",
        ),
        ("another value", |found| edit(&mut found.at_end[0][7], "0.", "0.0"), "says"),
        ("made up", |found| edit(&mut found.at_end[0][7], "#", "#9"), "never sent"),
        ("letter lost", |found| drop(found.at_end[2].remove(3)), "has no dead letter"),
        ("letter twice", |found| found.at_end[2].push(found.at_end[2][3].clone()), "comes twice"),
        ("letter cut", |found| found.at_end[2][3].value = Some(Bytes::new()), "its value is another"),
        (
            "letter without a header",
            |found| {
                let headers = &mut found.at_end[2][3].headers;
                *headers = headers.iter().skip(1).cloned().collect();
            },
            "headers are missing",
        ),
        ("position behind", |found| found.committed[2] -= 1, "is not behind"),
        ("seen and gone", |found| found.meanwhile.push(found.meanwhile[7].clone()), "saw other records"),
    ];
    for (name, spoil, expected) in rows {
        let (sent, mut found) = sound();
        spoil(&mut found);
        let violations = check(&sent, &found).violations;
        assert!(violations.iter().any(|each| each.contains(expected)), "{name}: {violations:?}");
    }
}
