//! A record produced to Kafka as its protocol has it (`Produce`, version 3), with headers whose names need not be text.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// Names and values.
type Headers<'a> = &'a [(&'a [u8], &'a [u8])];

/// Produces a record without a key to partition 0 of a topic, and returns its offset.
pub(crate) fn produce(
    address: &str,
    topic: &str,
    timestamp: i64,
    (value, headers): (&[u8], Headers<'_>),
) -> u64 {
    let batch = batch(timestamp, &record(value, headers));
    let mut request = Vec::new();
    // The header: the key of the request, its version, its number, and no name of a client.
    request.extend([0, 0, 0, 3, 0, 0, 0, 1, 0xff, 0xff]);
    // No transaction, acknowledged by all replicas within 30 s, and one topic.
    request.extend([0xff, 0xff, 0xff, 0xff]);
    request.extend(30_000_i32.to_be_bytes());
    request.extend(1_i32.to_be_bytes());
    request.extend(i16::try_from(topic.len()).unwrap().to_be_bytes());
    request.extend(topic.as_bytes());
    // One partition, which is the first.
    request.extend([0, 0, 0, 1, 0, 0, 0, 0]);
    request.extend(length(&batch));
    request.extend(batch);
    let answer = ask(address, &request);
    // The number of the request, the count and the name of topics, the count and the number of partitions.
    let result = &answer[4 + 4 + 2 + topic.len() + 4 + 4..];
    assert_eq!(result[..2], [0, 0], "the server takes it not: {answer:?}");
    u64::from_be_bytes(result[2..10].try_into().unwrap())
}

fn ask(address: &str, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(&length(request)).unwrap();
    stream.write_all(request).unwrap();
    let mut size = [0; 4];
    stream.read_exact(&mut size).unwrap();
    let mut answer = vec![0; usize::try_from(u32::from_be_bytes(size)).unwrap()];
    stream.read_exact(&mut answer).unwrap();
    answer
}

fn length(bytes: &[u8]) -> [u8; 4] {
    i32::try_from(bytes.len()).unwrap().to_be_bytes()
}

/// A batch of one record in format 2.
fn batch(timestamp: i64, record: &[u8]) -> Vec<u8> {
    let mut checked = vec![0; 2 + 4];
    checked.extend([timestamp.to_be_bytes(), timestamp.to_be_bytes()].concat());
    // No producer's id, epoch and sequence.
    checked.extend([0xff; 8 + 2 + 4]);
    checked.extend(1_i32.to_be_bytes());
    checked.extend(record);
    // After the length: the leader's epoch, which is not known, the format, and the checksum.
    let mut rest = vec![0xff, 0xff, 0xff, 0xff, 2];
    rest.extend(crc32c(&checked).to_be_bytes());
    rest.extend(checked);
    [&[0; 8][..], &length(&rest), &rest].concat()
}

fn record(value: &[u8], headers: Headers<'_>) -> Vec<u8> {
    // Neither attributes nor a distance in time and offset from the first of the batch, and no key.
    let mut body = vec![0, 0, 0];
    body.extend(varint(-1));
    body.extend(sized(value));
    body.extend(varint(headers.len().cast_signed()));
    for (name, value) in headers {
        body.extend([sized(name), sized(value)].concat());
    }
    sized(&body)
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [varint(bytes.len().cast_signed()), bytes.to_vec()].concat()
}

/// A number in zigzag and groups of seven bits, the lowest first.
fn varint(number: isize) -> Vec<u8> {
    let mut left = ((number << 1) ^ (number >> 63)).cast_unsigned();
    let mut bytes = Vec::new();
    loop {
        let [low, ..] = (left & 0x7f).to_le_bytes();
        left >>= 7;
        if left == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// The checksum of Castagnoli, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    let shift = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
    let add = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| shift(crc));
    !bytes.iter().fold(!0, add)
}
