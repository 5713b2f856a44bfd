use super::*;

fn read(text: &str) -> Result<Value, String> {
    parse(text.as_bytes())
}

/// An object with one member `a`, in UBJSON.
fn binary(value: &[u8]) -> Vec<u8> {
    [b"{i\x01a", value, b"}"].concat()
}

fn numbers(numbers: &[f64]) -> Value {
    Value::Numbers(numbers.to_vec())
}

#[test]
fn json_is_read_with_the_numbers_that_xgboost_writes() {
    let value = read(
        r#" {"a": [1, -2.5E-1, true, false, NaN, Infinity, -Infinity], "b": "x\n\u00e9\ud83d\ude00\"", "c": [], "d": null} "#,
    );
    let value = value.unwrap();
    let found = value.numbers("a").unwrap();
    assert_eq!(found[..4], [1.0, -0.25, 1.0, 0.0]);
    assert!(found[4].is_nan());
    assert_eq!(found[5..], [f64::INFINITY, f64::NEG_INFINITY]);
    assert_eq!(value.text("b").unwrap(), "x\né😀\"");
    assert_eq!(value.list("c").unwrap(), []);
    assert_eq!(value.get("d"), Some(&Value::Null));
}

#[test]
fn mixed_arrays_are_lists() {
    let value = read(r#"{"a": [1, "x", 2]}"#).unwrap();
    let expected = [Value::Number(1.0), Value::Text("x".to_owned()), Value::Number(2.0)];
    assert_eq!(value.list("a").unwrap(), expected);
    assert!(value.numbers("a").is_err());
}

#[test]
fn ubjson_is_read_with_all_its_arrays() {
    let cases: [(&[u8], Value); 14] = [
        (b"Z", Value::Null),
        (b"T", Value::Bool(true)),
        (b"i\xff", Value::Number(-1.0)),
        (b"U\xff", Value::Number(255.0)),
        (b"I\x01\x00", Value::Number(256.0)),
        (b"l\xff\xff\xff\xfe", Value::Number(-2.0)),
        (b"L\x00\x00\x00\x00\x00\x00\x00\x07", Value::Number(7.0)),
        (b"d\x3f\x80\x00\x00", Value::Number(1.0)),
        (b"D\x3f\xf0\x00\x00\x00\x00\x00\x00", Value::Number(1.0)),
        (b"Si\x02hi", Value::Text("hi".to_owned())),
        (b"[$U#i\x02\x05\x06", numbers(&[5.0, 6.0])),
        (b"[#i\x02i\x05T", numbers(&[5.0, 1.0])),
        (b"[i\x05i\x06]", numbers(&[5.0, 6.0])),
        (b"{#i\x01i\x01bZ", Value::Object(vec![("b".to_owned(), Value::Null)])),
    ];
    for (bytes, expected) in cases {
        let value = parse(&binary(bytes)).unwrap_or_else(|error| panic!("{expected:?}: {error}"));
        assert_eq!(value.get("a"), Some(&expected));
    }
}

#[test]
fn what_is_no_json_is_refused_with_its_place() {
    let cases = [
        ("", "byte 0: the document is cut off here"),
        ("{\"a\": [1, 2", "byte 11: the document is cut off here"),
        ("{\"a\": 1} x", "byte 9: something follows behind the end of the document"),
        ("{\"a\": 1-2}", "byte 6: `1-2` is no number"),
        ("{\"a\": maybe}", "byte 6: expected a value"),
        ("{\"a\" 1}", "byte 5: expected `:`, found `1`"),
        ("{\"a\": \"x", "byte 8: the text is cut off here"),
        ("{\"a\": \"\\ud83d\"}", "byte 13: the text has half a character"),
        ("{\"a\": \"\\q\"}", "byte 9: the text has an unknown escape"),
        ("{\"a\": 1, \"a\": 2}", "byte 16: `a` is there twice in one object"),
        ("{\"a\": 1,}", "byte 8: expected `\"`, found `}`"),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text).unwrap_err(), expected, "{text}");
    }
    assert!(parse(b"{\"\xff\": 1}").unwrap_err().contains("UTF-8"));
}

#[test]
fn what_is_no_ubjson_is_refused_without_taking_memory_for_it() {
    let huge = [0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    let cases: [(Vec<u8>, &str); 9] = [
        (b"H".to_vec(), "not supported"),
        (b"?".to_vec(), "unknown type `?`"),
        (b"[$U#L".iter().copied().chain(huge).collect(), "is no length"),
        (b"[$U#l\x7f\xff\xff\xff\x00".to_vec(), "says that it has 2147483647 elements"),
        (b"[#l\x7f\xff\xff\xff".to_vec(), "unknown type `}`"),
        (b"[$Z#l\x7f\xff\xff\xff".to_vec(), "typed arrays of `Z` are not supported"),
        (b"[$Ui\x01".to_vec(), "must say its length"),
        (b"Sl\x7f\xff\xff\xff".to_vec(), "cut off"),
        (b"{$i#i\x01".to_vec(), "typed objects are not supported"),
    ];
    for (bytes, expected) in cases {
        let error = parse(&binary(&bytes)).unwrap_err();
        assert!(error.contains(expected), "{error}, expected {expected}");
    }
}

#[test]
fn nesting_has_a_limit() {
    let deep = 100_000;
    let texts = [format!("{{\"a\": {}", "[".repeat(deep)), "{\"a\":".repeat(deep)];
    let documents = texts.iter().map(|text| text.as_bytes().to_vec());
    let binaries = [binary(&b"[".repeat(deep)), b"{i\x01a".repeat(deep)];
    for document in documents.chain(binaries) {
        let error = parse(&document).unwrap_err();
        assert!(error.contains("nested deeper than 64 levels"), "{error}");
    }
}

#[test]
fn what_small_files_unfold_to_has_a_limit() {
    let nulls = VALUES_MAX + 2;
    let error = parse(&binary(&[b"[", b"Z".repeat(nulls).as_slice(), b"]"].concat())).unwrap_err();
    assert!(error.contains("names, objects and arrays"), "{error}");
}

#[test]
fn whole_numbers_are_those_that_a_float_holds() {
    let cases = [(0.0, Some(0)), (7.0, Some(7)), (-1.0, None), (0.5, None), (1e300, None), (f64::NAN, None)];
    for (number, expected) in cases {
        assert_eq!(whole(number), expected, "{number}");
    }
}
