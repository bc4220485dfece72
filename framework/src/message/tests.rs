//! Archives: what goes in comes out, what a peer made up is refused, and the bytes do not change.

use super::*;

fn body<T: Arguments>(arguments: &T) -> Body {
    let mut buf = FrameBuf::new();
    arguments.encode(&mut buf).expect("these can be archived");
    Body::from_buf(buf)
}

#[test]
fn arguments_come_out_as_they_went_in() {
    type Tuple = (
        u64,
        String,
        Option<Vec<u16>>,
        Result<(bool, char), String>,
        [i8; 3],
    );
    let tuple: Tuple = (
        7,
        "seven".to_owned(),
        Some(vec![1, 2]),
        Ok((true, 'x')),
        [-1, 0, 1],
    );
    assert_eq!(decode::<Tuple>(&body(&tuple)).unwrap(), tuple);
    assert_eq!(decode::<()>(&body(&())).map_err(|e| e.to_string()), Ok(()));
}

#[test]
fn a_slice_and_a_text_are_read_where_they_were_received() {
    let body = body(&(Text::from("some text"), Bytes::from(&[1, 2, 3])));
    let (text, bytes) = decode::<(Text, Bytes)>(&body).unwrap();
    assert_eq!((&*text, &*bytes), ("some text", &[1, 2, 3][..]));
    let received = body.as_bytes().as_ptr_range();
    assert!(received.contains(&text.as_ptr()) && received.contains(&bytes.as_ptr()));
}

#[test]
fn an_archive_is_read_in_place_and_passed_on_verbatim() {
    type Tuple = (String, Archive<Vec<(String, u64)>>);
    let entry = vec![("a".to_owned(), 1_u64), ("b".to_owned(), 2)];
    let body = body::<Tuple>(&("beside it".to_owned(), (&entry).into_archived()));
    let (_, received) = decode::<Tuple>(&body).unwrap();
    assert_eq!(received[1].0, "b");
    assert!(
        body.as_bytes()
            .as_ptr_range()
            .contains(&received.as_bytes().as_ptr()),
        "no copy"
    );
    assert_eq!(received.to_owned().unwrap(), entry);

    let passed_on = self::body(&(received.clone(),));
    let (again,) = decode::<(Archive<Vec<(String, u64)>>,)>(&passed_on).unwrap();
    assert_eq!(
        again.as_bytes(),
        received.as_bytes(),
        "and nothing of what was beside it"
    );
}

#[test]
fn bytes_of_a_peer_are_never_trusted() {
    type Tuple = (Vec<String>, Archive<Vec<String>>, Text, bool);
    let tuple: Tuple = (
        vec!["x".into()],
        vec!["yy".to_owned()].into_archived(),
        "zzz".into(),
        true,
    );
    let good = body(&tuple).as_bytes().to_vec();
    let decode = |bytes: &[u8]| decode::<Tuple>(&Body::new(bytes::Bytes::copy_from_slice(bytes)));
    assert!(decode(&good).is_ok());
    for cut in 0..good.len() {
        // Must not panic, and cannot be right: the root is at the end.
        assert!(decode(&good[..cut]).is_err(), "cut at {cut}");
    }
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            // Whatever it is taken for must be readable.
            if let Ok((list, archive, text, _)) = decode(&bad) {
                let _ = (
                    list.concat(),
                    archive.iter().count(),
                    archive.to_owned(),
                    text.len(),
                );
            }
        }
    }
    for length in 0..200 {
        assert!(decode(&vec![0xff; length]).is_err());
    }
}

#[test]
fn a_body_is_aligned_whatever_it_is_made_of() {
    let bytes = bytes::Bytes::from(vec![0_u8; 64]);
    for start in 0..16 {
        let body = Body::new(bytes.slice(start..));
        assert_eq!(body.as_bytes().as_ptr().align_offset(16), 0);
        assert_eq!(body.as_bytes().len(), 64 - start);
    }
}

#[test]
fn an_archive_starts_where_the_batch_ends() {
    let mut buf = FrameBuf::new();
    buf.resize(48, 0xaa);
    (1_u64, "x".to_owned()).encode(&mut buf).unwrap();
    let body = Body::new(bytes::Bytes::copy_from_slice(&buf[48..]));
    assert_eq!(decode::<(u64, String)>(&body).unwrap(), (1, "x".to_owned()));
}

#[test]
fn golden_bytes_do_not_change() {
    let bytes = body(&(0x0102_0304_0506_0708_u64, Some("longer than inline".to_owned())))
        .as_bytes()
        .to_vec();
    let hex = bytes
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let expected = "6c6f6e676572207468616e20696e6c696e650000000000000807060504030201\
                    0100000092000000dcffffff00000000";
    assert_eq!(hex, expected);
}

#[test]
fn shapes_tell_types_apart_and_not_names() {
    let shapes = [
        <(u64,) as Arguments>::SHAPE,
        <(i64,) as Arguments>::SHAPE,
        <(u64, u64) as Arguments>::SHAPE,
        <((u64, u64),) as Arguments>::SHAPE,
        <(Option<u64>,) as Arguments>::SHAPE,
        <(Vec<u64>,) as Arguments>::SHAPE,
        <(Archive<Vec<u64>>,) as Arguments>::SHAPE,
        <([u64; 2],) as Arguments>::SHAPE,
        <([u64; 3],) as Arguments>::SHAPE,
        <(Result<u64, i64>,) as Arguments>::SHAPE,
        <(Result<i64, u64>,) as Arguments>::SHAPE,
        <() as Arguments>::SHAPE,
    ];
    for (at, shape) in shapes.iter().enumerate() {
        assert!(!shapes[..at].contains(shape), "shape {at} is not its own");
    }
    // A parameter `&str` and a caller's `String` are the same on the wire.
    assert_eq!(<(Text,) as Arguments>::SHAPE, <(String,) as Arguments>::SHAPE);
    assert_eq!(<(Bytes,) as Arguments>::SHAPE, <(Vec<u8>,) as Arguments>::SHAPE);
}
