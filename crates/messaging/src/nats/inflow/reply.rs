//! Where a delivered message says what it is: in the subject of its acknowledgement.

/// What a delivered message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Delivery<'a> {
    /// Who delivered it.
    pub(super) consumer: &'a str,
    /// Its place in the stream.
    pub(super) sequence: u64,
    /// Its place among all that the consumer delivered.
    pub(super) delivery: u64,
    /// When it was stored, in milliseconds since 1970.
    pub(super) stored: i64,
    /// How many are to come after it.
    pub(super) pending: u64,
}

impl<'a> Delivery<'a> {
    /// Reads `$JS.ACK.<stream>.<consumer>.<count>.<sequence>.<delivery>.<nanoseconds>.<pending>`, or, from newer
    /// servers, the same with domain and account before the stream, and maybe something behind.
    pub(super) fn parse(subject: &'a str) -> Option<Self> {
        let tokens: Vec<&str> = subject.strip_prefix("$JS.ACK.")?.split('.').collect();
        let fields = if tokens.len() == 7 { tokens.get(1..)? } else { tokens.get(3..9)? };
        let [consumer, _count, sequence, delivery, nanoseconds, pending] = fields else { return None };
        Some(Self {
            consumer,
            sequence: sequence.parse().ok()?,
            delivery: delivery.parse().ok()?,
            stored: nanoseconds.parse::<i64>().ok()? / 1_000_000,
            pending: pending.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let consumer = "g+in+0";
        let expected =
            Delivery { consumer, sequence: 17, delivery: 5, stored: 1_700_000_000_123, pending: 9 };
        let rows = [
            "$JS.ACK.serin.g+in+0.1.17.5.1700000000123456789.9",
            "$JS.ACK._.aCcOuNt.serin.g+in+0.1.17.5.1700000000123456789.9",
            "$JS.ACK.hub.aCcOuNt.serin.g+in+0.1.17.5.1700000000123456789.9.token",
        ];
        for subject in rows {
            assert_eq!(Delivery::parse(subject), Some(expected), "{subject}");
        }
        for subject in ["", "$JS.ACK", "$JS.ACK.a.b.c", "$JS.ACK.s.c.1.x.5.1.9"] {
            assert_eq!(Delivery::parse(subject), None, "{subject}");
        }
    }
}
