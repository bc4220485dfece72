//! The fingerprint of the archive format that this build reads and writes.
//!
//! rkyv's `unaligned`, `big_endian` and `pointer_width_*` features change the format of a whole build, whichever of its
//! dependencies sets them, and two builds that differ must not read each other's archives. So the fingerprint is taken
//! from what this build really writes: the CRC-32 of the archive of a sample in which all of them show.

use std::sync::OnceLock;

use rkyv::util::AlignedVec;

const _: () = {
    assert!(
        align_of::<rkyv::Archived<u16>>() == 2,
        "rkyv's `unaligned` feature changes the wire format"
    );
    assert!(
        align_of::<rkyv::Archived<u64>>() == 8,
        "rkyv's `unaligned` feature changes the wire format"
    );
    assert!(
        align_of::<rkyv::Archived<u128>>() <= 16,
        "archives are aligned to 16 bytes"
    );
    assert!(
        size_of::<rkyv::Archived<usize>>() == 4,
        "rkyv's `pointer_width_*` features change the wire format"
    );
    assert!(
        size_of::<rkyv::Archived<String>>() == 8,
        "rkyv's `pointer_width_*` features change the wire format"
    );
};

/// The fingerprint; the same in all builds that can read each other's archives.
pub fn format() -> u32 {
    static FORMAT: OnceLock<u32> = OnceLock::new();
    *FORMAT.get_or_init(|| {
        let sample = (
            (1_u8, 0x0203_u16, 0x0405_0607_u32),
            (0x0809_0a0b_0c0d_0e0f_u64, -2_i128, 0.5_f64),
            (String::from("inline"), String::from("a text that is not inline")),
            (vec![1_u32, 2, 3], Some(true), 7_usize),
        );
        let archive =
            rkyv::api::high::to_bytes_in::<_, rkyv::rancor::Failure>(&sample, AlignedVec::<16>::new());
        // Serialising numbers and texts into memory cannot fail; 0 would make every handshake fail visibly.
        archive.map_or(0, |bytes| crc32fast::hash(&bytes))
    })
}
