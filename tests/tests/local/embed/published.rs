//! A published encoder against another implementation. The model is not in this repository: `TYPEWRIGHT_MINILM` names a
//! folder with the files of all-MiniLM-L6-v2, and without it the test says that it did nothing.
//!
//! The numbers are those of transformers 5.23.0 on torch 2.15.0: the length of the mean of the last vectors, and the first
//! eight numbers of it divided by that length.
#![allow(clippy::excessive_precision, reason = "as printed there")]

use super::*;

struct Known {
    text: &'static str,
    tokens: usize,
    length: f32,
    first: [f32; 8],
}

/// Stands for a word, four hundred times.
const LONG: &str = "word ";

const KNOWN: [Known; 7] = [
    Known {
        text: "The cat sits outside.",
        tokens: 7,
        length: 6.082502,
        first: [
            0.1388417,
            0.0001263452,
            0.04263407,
            0.04575238,
            -0.05862809,
            -0.00674129,
            0.008598007,
            0.0354192,
        ],
    },
    Known {
        text: "A man is playing guitar.",
        tokens: 8,
        length: 5.227758,
        first: [
            0.0242729,
            -0.0006575009,
            -0.007800142,
            -0.06622954,
            -0.1617022,
            0.002112207,
            0.08415464,
            -0.0142377,
        ],
    },
    Known {
        text: "",
        tokens: 2,
        length: 6.365731,
        first: [
            -0.1188385,
            0.04829873,
            -0.002548076,
            -0.01101115,
            0.0519508,
            0.01029176,
            0.1154333,
            0.0007007506,
        ],
    },
    Known {
        text: "Straße, café, naïve — and 北京!",
        tokens: 13,
        length: 6.394343,
        first: [
            0.1093775,
            0.0174767,
            0.005387869,
            -0.01546701,
            -0.04093727,
            0.04420869,
            0.0528012,
            -0.04526354,
        ],
    },
    Known {
        text: "def add(a, b):\n    return a + b",
        tokens: 14,
        length: 5.061845,
        first: [
            -0.02378804,
            -0.006008401,
            -0.06712579,
            0.02348843,
            -0.09137546,
            0.01852641,
            0.05671959,
            -0.04947744,
        ],
    },
    Known {
        text: "The new movie is so great that I watched it twice in one week and told all of my friends about it.",
        tokens: 25,
        length: 3.571274,
        first: [
            -0.0813806,
            -0.03042628,
            0.03681403,
            -0.00432735,
            -0.00291498,
            -0.03980927,
            -0.05671712,
            -0.002161736,
        ],
    },
    Known {
        text: LONG,
        tokens: 256,
        length: 2.330939,
        first: [
            -0.008123678,
            -0.09558596,
            -0.03867315,
            0.04966198,
            -0.0437937,
            0.02371982,
            -0.01814238,
            -0.02020669,
        ],
    },
];

#[test]
fn a_published_model_gives_the_vectors_of_the_reference() {
    let Some(path) = std::env::var_os("TYPEWRIGHT_MINILM") else {
        println!("not run: TYPEWRIGHT_MINILM names no folder");
        return;
    };
    let plain = Config { normalised: Some(false), ..config() };
    let [embedder, plain] =
        [config(), plain].map(|config| Embedder::load(Path::new(&path), &config).unwrap());
    assert_eq!((embedder.dims(), embedder.max_len(), embedder.pooling()), (384, 256, (Pooling::Mean, true)));
    let long = LONG.repeat(400);
    let texts = KNOWN.each_ref().map(|known| if known.text == LONG { &*long } else { known.text });
    let (found, raw) = (embedder.embed(&texts).unwrap(), plain.embed(&texts).unwrap());
    assert_eq!(found.cut.len(), 1);
    for (at, known) in KNOWN.iter().enumerate() {
        assert_eq!(found.tokens[at], known.tokens);
        is_near(known.text, &found.get(at).unwrap()[..8], &known.first, 2e-6);
        let length = raw.get(at).unwrap().iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        assert!((length - f64::from(known.length)).abs() < 2e-5, "{length} {}", known.length);
    }
}
