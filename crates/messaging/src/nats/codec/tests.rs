use proptest::prelude::*;

use super::*;

fn output(headers: Headers) -> Output {
    Output {
        topic: "t".into(),
        partition: None,
        timestamp: 17,
        key: Some(Bytes::from_static(b"k")),
        value: Some(Bytes::from_static(b"v")),
        headers,
    }
}

/// Writes the headers as the client does, and reads them as it does.
fn over_the_wire(output: &Output) -> Decoded {
    let (map, payload) = encode(output);
    let mut read = HeaderMap::new();
    for (name, values) in map.iter() {
        let name: &str = name.as_ref();
        assert!(name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':'), "{name:?}");
        for value in values {
            let value = value.as_str();
            assert!(value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()), "{value:?}");
            read.append(name, value.trim().to_owned());
        }
    }
    decode(Some(read), payload)
}

fn same(output: &Output) {
    let expected = Decoded {
        timestamp: Some(output.timestamp),
        key: output.key.clone(),
        value: output.value.clone(),
        headers: output.headers.clone(),
    };
    assert_eq!(over_the_wire(output), expected);
}

#[test]
fn names_are_spelt_as_nats_has_them() {
    let rows = [
        ("traceparent", "traceparent"),
        ("__connect.errors.topic", "__connect.errors.topic"),
        ("ce_specversion", "ce-specversion"),
        ("ce-specversion", "%63e-specversion"),
        ("Nats-Msg-Id", "%4Eats-Msg-Id"),
        ("Serin-Key", "%53erin-Key"),
        ("", "%"),
        ("%", "%25"),
        ("a b:ü", "a%20b%3A%C3%BC"),
    ];
    for (name, expected) in rows {
        assert_eq!(escape_name(name), expected);
        assert_eq!(unescape_name(expected, true), name);
    }
    assert_eq!(escape_value(b"a \"b\" 100%", false), "a \"b\" 100%25");
    assert_eq!(escape_value(b"a \"b\"", true), "a%20%22b%22");
}

#[test]
fn messages_of_others_are_taken_as_they_are() {
    let mut map = HeaderMap::new();
    map.insert("x", "100%25 as it is");
    map.insert("%", "y");
    map.insert("ce-id", "a%20b");
    map.insert("Nats-Msg-Id", "1");
    map.insert("Serin-Key", "card%2017");
    let decoded = decode(Some(map), Bytes::from_static(b"{}"));
    let headers: Vec<_> =
        decoded.headers.iter().map(|header| (header.name.as_str(), &header.value[..])).collect();
    assert_eq!(headers, [("%", &b"y"[..]), ("ce_id", b"a b"), ("x", b"100%25 as it is")]);
    assert_eq!((decoded.timestamp, decoded.key.as_deref()), (None, Some(&b"card 17"[..])));
    let bare = decode(None, Bytes::new());
    assert_eq!((bare.key, bare.value), (None, Some(Bytes::new())));
}

#[test]
fn what_is_too_large_for_headers_goes_behind_the_value() {
    let large = Header::new("error", vec![b'\xff'; 64 << 10]);
    let row = output(Headers::from(vec![large]));
    let (map, payload) = encode(&row);
    assert!(map.get(TRAILER).is_some() && payload.len() > 64 << 10);
    same(&row);
    same(&Output { value: None, key: None, ..row.clone() });
    same(&Output { key: Some(vec![0; 100_000].into()), value: Some(Bytes::new()), ..row });
}

#[test]
fn any_order_of_headers_is_kept() {
    let many: Vec<_> =
        (0..1_016).map(|place: u32| Header::new(format!("h{}", place % 7), format!("{place}"))).collect();
    same(&output(Headers::from(many)));
    let empty = (0..1_016).map(|_| Header::new("", Bytes::new())).collect();
    same(&output(empty));
}

proptest! {
    #[test]
    fn everything_comes_back(
        key in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)),
        value in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)),
        timestamp in any::<i64>(),
        headers in proptest::collection::vec((".{0,12}", proptest::collection::vec(any::<u8>(), 0..20)), 0..6),
    ) {
        same(&Output {
            timestamp,
            key: key.map(Bytes::from),
            value: value.map(Bytes::from),
            ..output(headers.into_iter().map(|(name, value)| Header::new(name, value)).collect())
        });
    }
}
