//! What the cursor reads, and that it never does more than the bytes allow.

use super::*;

/// Walks over a whole value through the public methods.
fn walk(cursor: &mut Cursor<'_>, out: &mut String) -> Result<(), Corrupt> {
    match cursor.kind() {
        Kind::Object => {
            cursor.object()?;
            while let Some(key) = cursor.key()? {
                out.push_str(&String::from_utf8_lossy(key));
                out.push('=');
                walk(cursor, out)?;
            }
        }
        Kind::Array => {
            cursor.array()?;
            while cursor.element()? {
                walk(cursor, out)?;
            }
        }
        _ => out.push_str(&cursor.scalar()?.map(|text| text.decode()).transpose()?.unwrap_or("-".into())),
    }
    out.push(';');
    Ok(())
}

fn walked(json: &[u8]) -> Result<String, Corrupt> {
    let (mut cursor, mut out) = (Cursor::new(json), String::new());
    walk(&mut cursor, &mut out)?;
    cursor.finish().map(|()| out)
}

#[test]
fn a_value_is_walked_over_in_order() {
    let json = br#" { "a" : [1, "x\u0041", null , true], "k\u0065y":{} , "":-1.5e3 } "#;
    assert_eq!(walked(json).unwrap(), "a=1;xA;-;true;;key=;=-1.5e3;;");
}

#[test]
fn generated_code_can_match_on_keys() {
    let mut c = Cursor::new(br#"{"n":"7","t":"x","l":[1,2],"other":{"deep":[{}]}}"#);
    let (mut number, mut text, mut list) = (None, None, None);
    assert_eq!(c.object(), Ok(true));
    while let Some(key) = c.key().unwrap() {
        match key {
            b"n" => number = c.uint().unwrap(),
            b"t" => text = c.text().unwrap(),
            b"l" => list = c.texts().unwrap(),
            _ => c.skip().unwrap(),
        }
    }
    assert_eq!((number, list), (Some(7), Some("[1,2]")));
    assert!(text.is_some_and(|text| text.is("x")));
    assert_eq!(c.finish(), Ok(()));
}

#[test]
fn a_value_of_another_type_is_absent() {
    let list = br#"[{"a":1}, 5, "5", -5, 5.0, 5.5, 1e400, null, "x", true, [], 18446744073709551615]"#;
    let read = |read: fn(&mut Cursor<'static>) -> String| {
        let mut cursor = Cursor::new(list);
        assert!(cursor.array().unwrap());
        let mut out = Vec::new();
        while cursor.element().unwrap() {
            out.push(read(&mut cursor));
        }
        assert_eq!(cursor.finish(), Ok(()));
        out.join(" ")
    };
    fn text<T: ToString>(value: Result<Option<T>, Corrupt>) -> String {
        value.unwrap().map_or("-".into(), |value| value.to_string())
    }
    assert_eq!(read(|c| text(c.uint())), "- 5 5 - 5 - - - - - - 18446744073709551615");
    assert_eq!(read(|c| text(c.int())), "- 5 5 -5 5 - - - - - - -");
    assert_eq!(read(|c| text(c.float())), "- 5 5 -5 5 5.5 - - - - - 18446744073709552000");
    assert_eq!(read(|c| text(c.flag())), "- - - - - - - - - true - -");
    assert_eq!(read(|c| text(c.text().map(|t| t.map(|t| t.to_cow())))), "- - 5 - - - - - x - - -");
    assert_eq!(
        read(|c| text(c.raw())),
        r#"{"a":1} 5 "5" -5 5.0 5.5 1e400 - "x" true [] 18446744073709551615"#
    );
    assert_eq!(
        read(|c| text(c.json_text().map(|t| t.map(|t| t.to_cow())))),
        r#"{"a":1} 5 5 -5 5.0 5.5 1e400 - x true [] 18446744073709551615"#
    );
    assert_eq!(
        read(|c| format!(
            "{}",
            c.object().unwrap() && c.key().is_ok() && c.skip().is_ok() && c.key().is_ok()
        )),
        "true false false false false false false false false false false false"
    );
}

#[test]
fn slots_are_told_apart_by_numbers_and_names() {
    let key = |json: &'static [u8]| Cursor::new(json).slot_key().unwrap();
    assert!(matches!(key(b"3"), Some(Key::Index(3))));
    assert!(matches!(key(b"\"3\""), Some(Key::Name(name)) if name.is("3")));
    assert!(key(b"\"\"").is_none() && key(b"null").is_none() && key(b"-1").is_none());
}

#[test]
fn bytes_that_are_no_text_are_reported_where_they_are() {
    assert_eq!(walked(b"{\"a\":\"x\xff\"}"), Err(Corrupt { at: 7, reason: "not UTF-8" }));
    assert_eq!(walked(b"{} \xff"), Err(Corrupt { at: 3, reason: "not UTF-8" }));
    let mut cursor = Cursor::new(b"{\"a\":1,\xff");
    assert!(cursor.object().unwrap() && cursor.key().unwrap().is_some());
    assert_eq!(cursor.uint(), Ok(Some(1)));
}

#[test]
fn nesting_is_limited_whether_read_or_skipped() {
    let deep = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat();
    assert!(walked(deep(128).as_bytes()).is_ok());
    assert!(walked(deep(129).as_bytes()).is_err());
    let mut cursor = Cursor::new(b"[[[");
    assert!(cursor.array().unwrap() && cursor.element().unwrap() && cursor.array().unwrap());
    let half = deep(127);
    let json = ["[[", &half, "]]"].concat();
    let mut cursor = Cursor::new(json.as_bytes());
    assert!(cursor.array().unwrap() && cursor.element().unwrap() && cursor.array().unwrap());
    assert!(cursor.element().unwrap() && cursor.skip().is_err());
}

/// The cursor takes exactly what the checker takes, whatever the bytes are.
#[test]
fn reading_and_checking_agree_on_any_bytes() {
    let seeds: [&[u8]; 4] = [
        br#"{"id":"a","choices":[{"index":0,"delta":{"content":"\u00e9\ud83d\ude00"},"x":null}],"u":-1.5e3}"#,
        br#"[[],{},"",0,-0.1,true,false,null,{"a":{"b":[{}]}}]"#,
        b" { \"k\" : [ 1 , 2 ] } ",
        "\"äöü€😀\\\"\\\\\"".as_bytes(),
    ];
    const NOISE: &[u8] = b"{}[]\",:\\u0e-. tnf\xff\xc3\n\x01";
    let mut rng = fastrand::Rng::with_seed(7);
    for round in 0..60_000 {
        let mut bytes = seeds[round % seeds.len()].to_vec();
        for _ in 0..rng.usize(..3) {
            let at = rng.usize(..bytes.len());
            match rng.u8(..3) {
                0 => bytes[at] = NOISE[rng.usize(..NOISE.len())],
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, NOISE[rng.usize(..NOISE.len())]),
            }
        }
        bytes.truncate(bytes.len() - if rng.bool() { 0 } else { rng.usize(..bytes.len()) });
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        assert_eq!(walked(&bytes).is_ok(), scan::validate(&bytes).is_ok(), "{shown}");
        let mut skipping = Cursor::new(&bytes);
        assert_eq!(
            skipping.skip().and_then(|()| skipping.finish()).is_ok(),
            scan::validate(&bytes).is_ok(),
            "{shown}"
        );
    }
}
