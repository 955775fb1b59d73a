//! Storage formats against another implementation: `known.txt` was made with the Python package `gguf` 0.19.0
//! (`gguf.quants`, numpy) from seed 20261121. A line is `read` or `write`, a format, a block in hex, its f32 in hex.

use crate::local::dtype::Dtype;
use crate::local::file::blocks::{BadLength, dequantize, scale_and_min};
use crate::local::file::quantize::quantize;

const KNOWN: &str = include_str!("known.txt");

#[test]
fn blocks_are_read_and_written_as_another_implementation_does() {
    let mut seen = Vec::new();
    for line in KNOWN.lines() {
        let [way, name, block, numbers] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let dtype = Dtype::ALL.into_iter().find(|dtype| dtype.name() == name).unwrap();
        let (block, numbers) = (bytes(block), floats(&bytes(numbers)));
        if way == "write" {
            assert_eq!(quantize(dtype, &numbers).unwrap(), block, "{name}");
        }
        if way == "read" {
            let mut out = vec![0.0; numbers.len()];
            dequantize(dtype, &block, &mut out).unwrap();
            assert_eq!(bits(&out), bits(&numbers), "{name}");
        }
        seen.push((way, name));
    }
    assert_eq!(seen.len(), 10);
}

#[test]
fn what_is_written_is_read_back_within_a_step() {
    let mut rng = fastrand::Rng::with_seed(3);
    for dtype in Dtype::ALL {
        let numbers: Vec<f32> = (0..1024).map(|_| rng.f32() * 4.0 - 1.0).collect();
        let written = quantize(dtype, &numbers).unwrap();
        let mut read = vec![0.0; numbers.len()];
        dequantize(dtype, &written, &mut read).unwrap();
        let worst = numbers.iter().zip(&read).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max);
        assert!(worst <= step(dtype), "{dtype}: {worst}");
    }
}

#[test]
fn zeros_stay_zeros() {
    for dtype in Dtype::ALL {
        let written = quantize(dtype, &[0.0; 256]).unwrap();
        let mut read = [1.0; 256];
        dequantize(dtype, &written, &mut read).unwrap();
        assert!(read.iter().all(|x| *x == 0.0), "{dtype}");
    }
}

#[test]
fn wrong_lengths_are_said() {
    let mut out = [0.0; 31];
    let bad = BadLength { dtype: Dtype::Q8_0, bytes: 34, numbers: 31 };
    assert_eq!(dequantize(Dtype::Q8_0, &[0; 34], &mut out), Err(bad));
    assert_eq!(bad.to_string(), "34 bytes of Q8_0 are not 31 numbers");
    assert!(dequantize(Dtype::Q4_K, &[0; 143], &mut [0.0; 256]).is_err());
    assert!(quantize(Dtype::Q6_K, &[0.0; 255]).is_err());
}

#[test]
fn scales_use_all_bits_of_their_bytes() {
    let scales = [0xC1, 0x42, 0x83, 0x04, 0xC5, 0x06, 0x47, 0x08, 0xA9, 0x1B, 0x2C, 0x3D];
    let read: Vec<(u8, u8)> = (0..8).map(|group| scale_and_min(&scales, group)).collect();
    let low = [(1, 5), (2, 6), (3, 7), (4, 8)];
    let high = [(9 | 3 << 4, 10 | 3 << 4), (11 | 1 << 4, 1), (12 | 2 << 4, 2 | 1 << 4), (13, 3)];
    assert_eq!(read, [low, high].concat());
}

/// Half a step of a group as wide as the numbers above, and a little for the rounding of scales.
fn step(dtype: Dtype) -> f32 {
    match dtype {
        Dtype::F32 => 0.0,
        Dtype::F16 => 0.001,
        Dtype::BF16 => 0.008,
        Dtype::Q8_0 => 0.013,
        Dtype::Q4_0 => 0.4,
        Dtype::Q4_K => 0.17,
        Dtype::Q5_K => 0.1,
        Dtype::Q6_K => 0.06,
    }
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|x| x.to_bits()).collect()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .as_chunks::<2>()
        .0
        .iter()
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
