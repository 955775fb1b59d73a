//! What is to be reached, in one table. Every row of it is reported by a run of its section, measured or not.

/// What a number has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reach {
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
}

/// What the reach is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// The number that was measured.
    Value,
    /// Ours by theirs, both measured in one run, in pairs.
    Ratio,
    /// Theirs by ours.
    Speedup,
}

/// One thing that is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// The section that measures it.
    pub section: &'static str,
    /// What it is.
    pub name: &'static str,
    /// The unit of the measured number.
    pub unit: &'static str,
    /// What it is compared with; empty where the number stands for itself.
    pub against: &'static str,
    /// What the reach is about.
    pub of: Of,
    /// What is to be reached; `None` where the row is shown for what it tells.
    pub reach: Option<Reach>,
}

/// A ratio is noisy even when nothing differs.
pub const TOLERANCE: f64 = 1.03;

const MINIMAL: &str = "serde_json, borrowed minimal struct";
const OWNED: &str = "serde_json, full owned struct";
const REQWEST: &str = "reqwest by hand";
const PEERS: &str = "the best of llama.cpp, candle and mistral.rs";
const LLAMA_CPP: &str = "llama.cpp";
const CANDLE: &str = "candle";
const MISTRAL_RS: &str = "mistral.rs";

const HNSWLIB: &str = "hnswlib";
const FAISS: &str = "faiss";
const USEARCH: &str = "usearch";
const SQLITE_VEC: &str = "sqlite-vec";
const APPENDED: &str = "append and fdatasync";
const TABLE: &str = "one table by hand";
const BY_HAND: &str = "SQL by hand";

/// Everything that is measured.
pub const BARS: &[Bar] = &[
    most("compiler", "cold, 100 providers of 30 models", "ms", 500.0),
    speedup("compiler", "cold, two threads", "ms", "one thread", 1.8),
    least("compiler", "cold: lines of Rust", "lines/s", 200_000.0),
    shown("compiler", "cold: peak memory", "MB", ""),
    most("compiler", "nothing to do", "ms", 5.0),
    ratio("compiler", "nothing to do, floor", "ms", "asking for every file, hashing the input", 2.0),
    most("compiler", "nothing to do: allocations after start-up", "allocations", 0.0),
    shown("compiler", "nothing to do: allocations of start-up", "allocations", ""),
    most("compiler", "one price changed", "ms", 15.0),
    shown("compiler", "one price changed: files written", "files", ""),
    most("compiler", "one price changed: files rendered that do not show it", "files", 0.0),
    most("compiler", "one base template changed", "ms", 250.0),
    most("compiler", "one template render", "ms", 1.0),
    most("compiler", "one more model: allocations", "allocations", 0.0),
    shown("compiler", "1 000 providers of 300 models", "s", ""),
    ratio("compiler", "1 000 providers of 300 models: a file", "ms", "100 providers of 300 models", 1.1),
    most("compiler", "1 000 providers of 300 models: peak memory", "MB", 1536.0),
    most("compiler", "cargo xtask gen, nothing to do", "ms", 50.0),
    ratio(
        "compiler",
        "cargo xtask gen, nothing to do, beside --version",
        "ms",
        "cargo xtask --version",
        1.25,
    ),
    most("compiler", "first cargo xtask gen on a fresh clone", "s", 60.0),
    shown("compiler", "openapi-generator: OpenAI's specification", "s", ""),
    shown("compiler", "openapi-generator: lines of Rust", "lines/s", "openapi-generator"),
    shown("compiler", "openapi-generator: a second run", "s", "its first run"),
    shown("compiler", "progenitor: lines of Rust", "lines/s", "progenitor"),
    most("codec", "openai-chat text delta: frame to event", "ns", 120.0),
    most("codec", "openai-chat text delta: allocations", "allocations", 0.0),
    most("codec", "anthropic-messages text delta: allocations", "allocations", 0.0),
    most("codec", "ollama-chat text delta: allocations", "allocations", 0.0),
    ratio("codec", "openai-chat text delta: frame to event, minimal", "ns", MINIMAL, 0.5),
    ratio("codec", "anthropic-messages text delta: frame to event, minimal", "ns", MINIMAL, 0.5),
    ratio("codec", "ollama-chat text delta: frame to event, minimal", "ns", MINIMAL, 0.5),
    shown("codec", "openai-chat text delta: frame to event, owned", "ns", OWNED),
    shown("codec", "anthropic-messages text delta: frame to event, owned", "ns", OWNED),
    shown("codec", "ollama-chat text delta: frame to event, owned", "ns", OWNED),
    shown("codec", "openai-chat text delta: framing alone", "ns", ""),
    shown("codec", "anthropic-messages text delta: framing alone", "ns", ""),
    shown("codec", "ollama-chat text delta: framing alone", "ns", ""),
    shown("codec", "openai-chat text delta: decoding alone", "ns", ""),
    shown("codec", "anthropic-messages text delta: decoding alone", "ns", ""),
    shown("codec", "ollama-chat text delta: decoding alone", "ns", ""),
    ratio("codec", "openai-chat decoder", "ns", "its hand-written twin", 1.1),
    ratio("codec", "encode 20 messages and 5 tools", "ns", "copying, strings by serde_json's writer", 1.2),
    most("codec", "encode 20 messages and 5 tools: allocations", "allocations", 1.0),
    speedup("codec", "recorded corpus decoded", "ns/byte", "serde_json::Value", 5.0),
    speedup("codec", "recorded corpus decoded, openai-chat", "ns/byte", "async-openai's types", 5.0),
    most("cost", "release build", "CPU s", 100.0),
    shown("cost", "clean check", "CPU s", ""),
    most("cost", "unique crates", "crates", 90.0),
    most("cost", "stripped binary", "MB", 4.5),
    most("cost", "the generated crate's own check", "s", 1.0),
    ratio("cost", "release build, async-openai", "CPU s", "async-openai", 0.6),
    shown("cost", "release build, reqwest by hand", "CPU s", REQWEST),
    shown("cost", "clean check, reqwest by hand", "CPU s", REQWEST),
    shown("cost", "unique crates, reqwest by hand", "crates", REQWEST),
    shown("cost", "stripped binary, reqwest by hand", "MB", REQWEST),
    shown("cost", "clean check, async-openai", "CPU s", "async-openai"),
    shown("cost", "unique crates, async-openai", "crates", "async-openai"),
    shown("cost", "stripped binary, async-openai", "MB", "async-openai"),
    shown("cost", "release build, genai", "CPU s", "genai"),
    shown("cost", "clean check, genai", "CPU s", "genai"),
    shown("cost", "unique crates, genai", "crates", "genai"),
    shown("cost", "stripped binary, genai", "MB", "genai"),
    shown("cost", "release build, rig", "CPU s", "rig"),
    shown("cost", "clean check, rig", "CPU s", "rig"),
    shown("cost", "unique crates, rig", "crates", "rig"),
    shown("cost", "stripped binary, rig", "MB", "rig"),
    shown("cost", "release build, llm", "CPU s", "llm"),
    shown("cost", "clean check, llm", "CPU s", "llm"),
    shown("cost", "unique crates, llm", "crates", "llm"),
    shown("cost", "stripped binary, llm", "MB", "llm"),
    most("cost", "client construction", "ms", 0.1),
    shown("cost", "client construction and first token", "ms", REQWEST),
    ratio("stream", "one stream: a chunk", "ns", REQWEST, 1.0),
    most("stream", "one stream: allocations a chunk beyond the transport's", "allocations", 0.0),
    least("stream", "one stream: tokens of 200 000", "tokens", 200_000.0),
    ratio(
        "stream",
        "one stream: with clocks, retries and limits",
        "ns",
        "all of them as far off as they go",
        1.0,
    ),
    shown("stream", "1 000 streams: added latency, p50", "µs", REQWEST),
    ratio("stream", "1 000 streams: added latency, p99", "µs", REQWEST, 1.0),
    least("stream", "10 000 streams: complete", "streams", 10_000.0),
    ratio("stream", "10 000 streams: processor time", "CPU s", REQWEST, 1.0),
    most("stream", "10 000 streams: memory a stream", "kB", 25.0),
    shown("stream", "10 000 streams: memory a stream, reqwest", "kB", REQWEST),
    ratio("stream", "first token, p50", "µs", REQWEST, 1.0),
    shown("stream", "one stream: a chunk, floor-hyper", "ns", "hyper by hand"),
    shown("stream", "one stream: a chunk, async-openai", "ns", "async-openai"),
    shown("stream", "one stream: a chunk, genai", "ns", "genai"),
    shown("stream", "one stream: a chunk, llm", "ns", "llm"),
    shown("stream", "one stream: a chunk, rig", "ns", "rig"),
    shown("stream", "first token, p50, floor-hyper", "µs", "hyper by hand"),
    shown("stream", "first token, p50, async-openai", "µs", "async-openai"),
    shown("stream", "first token, p50, genai", "µs", "genai"),
    shown("stream", "first token, p50, llm", "µs", "llm"),
    shown("stream", "first token, p50, rig", "µs", "rig"),
    shown("stream", "1 000 streams: added latency, p99, floor-hyper", "µs", "hyper by hand"),
    shown("stream", "1 000 streams: added latency, p99, async-openai", "µs", "async-openai"),
    shown("stream", "1 000 streams: added latency, p99, genai", "µs", "genai"),
    shown("stream", "1 000 streams: added latency, p99, llm", "µs", "llm"),
    shown("stream", "1 000 streams: added latency, p99, rig", "µs", "rig"),
    shown("stream", "10 000 streams: processor time, floor-hyper", "CPU s", "hyper by hand"),
    shown("stream", "10 000 streams: processor time, async-openai", "CPU s", "async-openai"),
    shown("stream", "10 000 streams: processor time, genai", "CPU s", "genai"),
    shown("stream", "10 000 streams: processor time, llm", "CPU s", "llm"),
    shown("stream", "10 000 streams: processor time, rig", "CPU s", "rig"),
    shown("stream", "10 000 streams: memory a stream, floor-hyper", "kB", "hyper by hand"),
    shown("stream", "10 000 streams: memory a stream, async-openai", "kB", "async-openai"),
    shown("stream", "10 000 streams: memory a stream, genai", "kB", "genai"),
    shown("stream", "10 000 streams: memory a stream, llm", "kB", "llm"),
    shown("stream", "10 000 streams: memory a stream, rig", "kB", "rig"),
    speedup("local", "Q4_K_M: prefill", "ms/token", PEERS, 1.7),
    shown("local", "Q4_K_M: prefill, tokens", "tokens/s", ""),
    shown("local", "Q4_K_M: prefill, llama.cpp", "ms/token", LLAMA_CPP),
    shown("local", "Q4_K_M: prefill, candle", "ms/token", CANDLE),
    shown("local", "Q4_K_M: prefill, mistral.rs", "ms/token", MISTRAL_RS),
    speedup("local", "Q4_K_M: decode", "ms/token", PEERS, 2.0),
    shown("local", "Q4_K_M: decode, tokens", "tokens/s", ""),
    shown("local", "Q4_K_M: decode, llama.cpp", "ms/token", LLAMA_CPP),
    shown("local", "Q4_K_M: decode, candle", "ms/token", CANDLE),
    shown("local", "Q4_K_M: decode, mistral.rs", "ms/token", MISTRAL_RS),
    most("local", "Q4_K_M: load to first token", "ms", 150.0),
    most("local", "Q4_K_M: peak memory", "× the file", 1.15),
    least("local", "Q4_K_M: 16 streams", "× one stream", 4.0),
    ratio("local", "Q4_K_M: divergence from exact products", "nats", LLAMA_CPP, 1.05),
    speedup("local", "Q8_0: prefill", "ms/token", PEERS, 1.8),
    shown("local", "Q8_0: prefill, tokens", "tokens/s", ""),
    shown("local", "Q8_0: prefill, llama.cpp", "ms/token", LLAMA_CPP),
    shown("local", "Q8_0: prefill, candle", "ms/token", CANDLE),
    shown("local", "Q8_0: prefill, mistral.rs", "ms/token", MISTRAL_RS),
    speedup("local", "Q8_0: decode", "ms/token", PEERS, 1.25),
    shown("local", "Q8_0: decode, tokens", "tokens/s", ""),
    shown("local", "Q8_0: decode, llama.cpp", "ms/token", LLAMA_CPP),
    shown("local", "Q8_0: decode, candle", "ms/token", CANDLE),
    shown("local", "Q8_0: decode, mistral.rs", "ms/token", MISTRAL_RS),
    shown("local", "Q8_0: load to first token", "ms", ""),
    most("local", "Q8_0: peak memory", "× the file", 1.15),
    shown("local", "Q8_0: 16 streams", "× one stream", ""),
    ratio("local", "Q8_0: divergence from exact products", "nats", LLAMA_CPP, 1.05),
    shown("local", "F16: prefill", "ms/token", PEERS),
    shown("local", "F16: prefill, tokens", "tokens/s", ""),
    shown("local", "F16: prefill, llama.cpp", "ms/token", LLAMA_CPP),
    shown("local", "F16: prefill, candle", "ms/token", CANDLE),
    shown("local", "F16: prefill, mistral.rs", "ms/token", MISTRAL_RS),
    speedup("local", "F16: decode", "ms/token", PEERS, 1.7),
    shown("local", "F16: decode, tokens", "tokens/s", ""),
    shown("local", "F16: decode, llama.cpp", "ms/token", LLAMA_CPP),
    shown("local", "F16: decode, candle", "ms/token", CANDLE),
    shown("local", "F16: decode, mistral.rs", "ms/token", MISTRAL_RS),
    shown("local", "F16: load to first token", "ms", ""),
    most("local", "F16: peak memory", "× the file", 1.15),
    shown("local", "F16: 16 streams", "× one stream", ""),
    most("local", "sampling, top-k and top-p", "µs", 80.0),
    most("local", "sampling, top-p", "µs", 250.0),
    speedup("local", "MiniLM, batches of 1 of 32 tokens", "ms", "the best of onnxruntime and torch", 1.5),
    speedup("local", "MiniLM, batches of 32 of 128 tokens", "ms", "the best of onnxruntime and torch", 1.4),
    share("memory", "bit-exact: exact, bytes read", "GB/s", "reading alone", 0.95),
    shown("memory", "bit-exact: exact", "queries/s", ""),
    least("memory", "bit-exact: exact, recall", "share", 1.0),
    shown("memory", "bit-exact: exact, faiss", "queries/s", FAISS),
    shown("memory", "bit-exact: exact, usearch", "queries/s", USEARCH),
    shown("memory", "bit-exact: exact, sqlite-vec", "queries/s", SQLITE_VEC),
    least("memory", "bit-exact: by codes", "queries/s", 700.0),
    least("memory", "bit-exact: by codes, recall", "share", 0.999),
    shown("memory", "bit-exact: graph, recall 0.95", "queries/s", ""),
    shown("memory", "bit-exact: graph, recall 0.99", "queries/s", ""),
    ratio("memory", "bit-exact: graph, build, hnswlib", "s", HNSWLIB, 1.0),
    shown("memory", "bit-exact: graph, recall 0.95, hnswlib", "queries/s", HNSWLIB),
    shown("memory", "bit-exact: graph, recall 0.99, hnswlib", "queries/s", HNSWLIB),
    shown("memory", "bit-exact: graph, build, usearch", "s", USEARCH),
    shown("memory", "bit-exact: graph, recall 0.95, usearch", "queries/s", USEARCH),
    shown("memory", "bit-exact: graph, recall 0.99, usearch", "queries/s", USEARCH),
    shown("memory", "bit-exact: graph, build, faiss", "s", FAISS),
    shown("memory", "bit-exact: graph, recall 0.95, faiss", "queries/s", FAISS),
    shown("memory", "bit-exact: graph, recall 0.99, faiss", "queries/s", FAISS),
    share("memory", "a durable commit, without words", "commits/s", APPENDED, 0.9),
    shown("memory", "a durable commit, without words, 8 threads", "commits/s", APPENDED),
    shown("memory", "a durable commit, without words, one table", "commits/s", TABLE),
    least("memory", "batches of 1 000, without words", "memories/s", 80_000.0),
    share("memory", "batches of 1 000, without words, one table", "memories/s", TABLE, 0.9),
    shown("memory", "batches of 1 000, without words, of processor", "1/CPU s", ""),
    share("memory", "a durable commit, with words", "commits/s", APPENDED, 0.9),
    shown("memory", "a durable commit, with words, 8 threads", "commits/s", APPENDED),
    shown("memory", "a durable commit, with words, one table", "commits/s", TABLE),
    least("memory", "batches of 1 000, with words", "memories/s", 80_000.0),
    share("memory", "batches of 1 000, with words, one table", "memories/s", TABLE, 0.9),
    shown("memory", "batches of 1 000, with words, of processor", "1/CPU s", ""),
    shown("memory", "a durable commit, sqlite-vec", "commits/s", "sqlite-vec, vectors alone"),
    shown("memory", "batches of 1 000, sqlite-vec", "memories/s", "sqlite-vec, vectors alone"),
    most("memory", "open a store of 100 000", "s", 0.3),
    most("memory", "open a store of 100 000 and read its vectors", "s", 0.3),
    shown("memory", "open a store of 100 000 to the first answer", "s", ""),
    shown("memory", "open a store of 100 000 to the first answer, hnswlib", "s", "hnswlib reads its file"),
    shown("memory", "open a store of 100 000 to the first answer, usearch", "s", "usearch reads its file"),
    shown("memory", "open a store of 100 000 to the first answer, faiss", "s", "faiss reads its file"),
    least("memory", "real text: by codes", "queries/s", 700.0),
    least("memory", "real text: by codes, recall", "share", 0.999),
    shown("memory", "real text: graph, recall 0.95", "queries/s", ""),
    shown("memory", "real text: graph, recall 0.99", "queries/s", ""),
    ratio("memory", "real text: graph, build, hnswlib", "s", HNSWLIB, 1.0),
    share("memory", "real text: graph, recall 0.95, hnswlib", "queries/s", HNSWLIB, 1.0),
    share("memory", "real text: graph, recall 0.99, hnswlib", "queries/s", HNSWLIB, 1.0),
    shown("memory", "real text: graph, build, usearch", "s", USEARCH),
    share("memory", "real text: graph, recall 0.95, usearch", "queries/s", USEARCH, 2.0),
    share("memory", "real text: graph, recall 0.99, usearch", "queries/s", USEARCH, 2.0),
    shown("memory", "real text: graph, build, faiss", "s", FAISS),
    shown("memory", "real text: graph, recall 0.95, faiss", "queries/s", FAISS),
    shown("memory", "real text: graph, recall 0.99, faiss", "queries/s", FAISS),
    speedup("memory", "PostgreSQL: one memory a commit", "µs", BY_HAND, 0.9),
    speedup("memory", "PostgreSQL: 500 memories a commit", "µs", BY_HAND, 0.9),
    speedup("memory", "PostgreSQL: the nearest of 1 000, exact", "µs", BY_HAND, 0.9),
    speedup("memory", "PostgreSQL: the nearest of 20 000, exact", "µs", BY_HAND, 0.9),
    speedup("memory", "PostgreSQL: the nearest of 20 000, by its graph", "µs", BY_HAND, 0.9),
    shown("memory", "PostgreSQL: ten that match two words", "µs", "SQL by hand, which knows no BM25"),
];

/// The bar of this name.
pub fn bar(section: &str, name: &str) -> Option<&'static Bar> {
    BARS.iter().find(|bar| bar.section == section && bar.name == name)
}

impl Reach {
    /// Whether `number` is what it has to be, give or take `tolerance`.
    pub fn is_met(self, number: f64, tolerance: f64) -> bool {
        match self {
            Self::AtMost(most) => number <= most * tolerance,
            Self::AtLeast(least) => number >= least / tolerance,
        }
    }

    /// The number.
    pub fn number(self) -> f64 {
        match self {
            Self::AtMost(number) | Self::AtLeast(number) => number,
        }
    }
}

const fn most(section: &'static str, name: &'static str, unit: &'static str, most: f64) -> Bar {
    Bar { section, name, unit, against: "", of: Of::Value, reach: Some(Reach::AtMost(most)) }
}

const fn least(section: &'static str, name: &'static str, unit: &'static str, least: f64) -> Bar {
    Bar { section, name, unit, against: "", of: Of::Value, reach: Some(Reach::AtLeast(least)) }
}

const fn ratio(
    section: &'static str,
    name: &'static str,
    unit: &'static str,
    against: &'static str,
    most: f64,
) -> Bar {
    Bar { section, name, unit, against, of: Of::Ratio, reach: Some(Reach::AtMost(most)) }
}

/// Where more is better.
const fn share(
    section: &'static str,
    name: &'static str,
    unit: &'static str,
    against: &'static str,
    least: f64,
) -> Bar {
    Bar { section, name, unit, against, of: Of::Ratio, reach: Some(Reach::AtLeast(least)) }
}

const fn speedup(
    section: &'static str,
    name: &'static str,
    unit: &'static str,
    against: &'static str,
    least: f64,
) -> Bar {
    Bar { section, name, unit, against, of: Of::Speedup, reach: Some(Reach::AtLeast(least)) }
}

const fn shown(section: &'static str, name: &'static str, unit: &'static str, against: &'static str) -> Bar {
    Bar { section, name, unit, against, of: Of::Ratio, reach: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bar_has_a_name_of_its_own() {
        for (at, one) in BARS.iter().enumerate() {
            assert!(BARS[..at].iter().all(|other| (other.section, other.name) != (one.section, one.name)));
            assert!(one.of == Of::Value || one.reach.is_none() || !one.against.is_empty(), "{}", one.name);
        }
    }

    #[test]
    fn a_reach_is_met_on_its_own_side() {
        assert!(Reach::AtMost(1.0).is_met(1.02, TOLERANCE) && !Reach::AtMost(1.0).is_met(1.04, TOLERANCE));
        assert!(Reach::AtLeast(5.0).is_met(4.9, TOLERANCE) && !Reach::AtLeast(5.0).is_met(4.8, TOLERANCE));
    }
}
