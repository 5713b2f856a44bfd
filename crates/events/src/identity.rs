//! Ids that are computed, so that the same thing gets the same id wherever and however often it is made.

use compact_str::CompactString;
use sha2::{Digest, Sha256};

/// The slot of the one prediction that is served for an event, whichever version made it.
pub const SERVED_SLOT: &str = "served";

/// The slot of a shadow version's prediction.
pub fn shadow_slot(version: &str) -> String {
    format!("shadow/{version}")
}

/// The id of a prediction: the first 16 bytes of SHA-256(event id, NUL, model, NUL, slot), in hexadecimal.
///
/// The version is left out of the served slot on purpose: an event that is scored again after a promotion or a
/// fallback keeps its id, and of two records with one id the earlier one is the exposure.
pub fn prediction_id(event_id: &str, model: &str, slot: &str) -> CompactString {
    digest_id(&[event_id, model, slot])
}

/// The id of an outcome that came without one: the first 16 bytes of SHA-256 over what it is about and the
/// metric. So a later record about the same thing is a correction or a duplicate, never a second fact.
pub fn outcome_id(subject: &crate::Subject, metric: &str) -> CompactString {
    match subject {
        crate::Subject::Event(id) => digest_id(&["event", id, metric]),
        crate::Subject::Prediction(id) => digest_id(&["prediction", id, metric]),
        crate::Subject::Unit(unit) => digest_id(&["unit", &unit.kind, &unit.id, metric]),
    }
}

/// The id of an outcome that has a name of its own: one record may hold several metrics of one fact.
pub(crate) fn named_outcome_id(name: &str, metric: &str) -> CompactString {
    digest_id(&["outcome", name, metric])
}

/// Where an event lies for sampling: uniform in 0..10,000, the same in every process. A shadow with a share of
/// 10 % scores the events below 1,000.
pub fn event_sample(event_id: &str) -> u16 {
    let digest = Sha256::new().chain_update(b"sample\0").chain_update(event_id).finalize();
    let (head, _) = digest.split_at(8);
    let mut word = [0; 8];
    word.copy_from_slice(head);
    let sample = u64::from_be_bytes(word) % 10_000;
    u16::try_from(sample).unwrap_or_else(|_| unreachable!("a remainder of 10,000 fits sixteen bits"))
}

fn digest_id(parts: &[&str]) -> CompactString {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut hash = Sha256::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            hash.update([0]);
        }
        hash.update(part.as_bytes());
    }
    let digest = hash.finalize();
    let mut text = [0; 32];
    for (pair, byte) in text.chunks_exact_mut(2).zip(&digest) {
        pair[0] = HEX[usize::from(byte >> 4)];
        pair[1] = HEX[usize::from(byte & 15)];
    }
    CompactString::from_utf8(text).unwrap_or_else(|_| unreachable!("hexadecimal digits are text"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Subject, Unit};

    #[test]
    fn ids_are_those_of_sha_256() {
        // printf 'US1843\0late\0served' | sha256sum | cut -c1-32
        assert_eq!(prediction_id("US1843", "late", SERVED_SLOT), "84d0722700ff6a5521ee9d595080ff27");
    }

    #[test]
    fn another_slot_model_or_event_is_another_id() {
        let base = prediction_id("e", "m", SERVED_SLOT);
        for other in [
            prediction_id("e", "m", &shadow_slot("2")),
            prediction_id("e", "n", SERVED_SLOT),
            prediction_id("f", "m", SERVED_SLOT),
            outcome_id(&Subject::Event("e".into()), "m"),
            outcome_id(&Subject::Prediction("e".into()), "m"),
            outcome_id(&Subject::Unit(Unit { kind: "k".into(), id: "e".into() }), "m"),
        ] {
            assert_ne!(other, base);
        }
    }

    #[test]
    fn samples_are_spread_evenly() {
        let below = (0..10_000).filter(|n| event_sample(&format!("event {n}")) < 1_000).count();
        assert!((900..1_100).contains(&below), "{below} of 10,000 events in a tenth");
    }
}
