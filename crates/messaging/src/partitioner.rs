//! Which partition a key belongs to: the same one that a JVM producer picks.

/// Returns the partition of a key among `partitions` (at least 1): `(murmur2(key) & 0x7fffffff) % partitions`.
///
/// This is `BuiltInPartitioner.partitionForKey` of Apache Kafka's Java client, which Streams, Flink and
/// ksqlDB rely on for co-partitioning; librdkafka calls it `murmur2_random`.
///
/// # Panics
/// If `partitions` is 0.
pub fn partition_of(key: &[u8], partitions: u32) -> u32 {
    place(murmur2(key), partitions)
}

/// Reduces a key's hash to a partition.
pub(crate) fn place(hash: u32, partitions: u32) -> u32 {
    (hash & 0x7fff_ffff) % partitions
}

/// MurmurHash2, 32 bits, with Kafka's seed (`org.apache.kafka.common.utils.Utils.murmur2`).
pub(crate) fn murmur2(key: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;
    #[expect(clippy::cast_possible_truncation, reason = "the hash is defined on the length modulo 2^32")]
    let mut hash = SEED ^ (key.len() as u32);
    let (words, tail) = key.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> R;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !tail.is_empty() {
        for (place, byte) in tail.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * place);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `testMurmur2` of Apache Kafka's `UtilsTest.java`, then the self-test of librdkafka's `rdmurmur2.c`.
    const VECTORS: [(&str, u32); 10] = [
        ("21", 0xc5f2_f8ec),
        ("foobar", 0xd0e4_7bbe),
        ("a-little-bit-long-string", 0xc53b_1da0),
        ("a-little-bit-longer-string", 0xa768_c9c3),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", 0xfc7d_49cd),
        ("abc", 0x1c94_221b),
        ("kafka", 0xd067_cf64),
        ("giberish123456789", 0x8f55_2b0c),
        ("1234", 0x9fc9_7b14),
        ("234", 0xe7c0_09ca),
    ];

    #[test]
    fn hash_is_that_of_the_java_client() {
        for (key, expected) in VECTORS {
            assert_eq!(murmur2(key.as_bytes()), expected, "{key:?}");
        }
    }

    #[test]
    fn sign_bit_is_dropped_before_the_modulo() {
        // -973932308 & 0x7fffffff = 1173551340
        assert_eq!(partition_of(b"21", 1_000), 340);
        assert_eq!(partition_of(b"abc", 1_000), 107);
        assert_eq!(partition_of(b"anything", 1), 0);
    }
}
