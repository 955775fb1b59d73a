//! One frame with a text delta of each dialect, as providers send them, and what comes before it in a stream.

use super::serde_frames::{self, Read};

/// A dialect's frame.
pub(super) struct Sample {
    pub(super) dialect: &'static str,
    pub(super) provider: &'static str,
    /// What begins the stream.
    pub(super) prelude: &'static str,
    pub(super) frame: &'static str,
    /// The text in it.
    pub(super) text: &'static str,
    pub(super) minimal: Read,
    pub(super) owned: Read,
}

/// The dialects.
pub(super) static SAMPLES: [Sample; 3] = [
    Sample {
        dialect: "openai-chat",
        provider: "openai",
        prelude: concat!(
            r#"data: {"id":"chatcmpl-B9MBs8CjcvOU2jLn","object":"chat.completion.chunk","created":1741569952,"#,
            r#""model":"gpt-4.1-mini","choices":[{"index":0,"delta":{"role":"assistant","content":""},"#,
            r#""finish_reason":null}]}"#,
            "\n\n"
        ),
        // 185 bytes of JSON.
        frame: concat!(
            r#"data: {"id":"chatcmpl-B9MBs8CjcvOU2jLn","object":"chat.completion.chunk","created":1741569952,"#,
            r#""model":"gpt-4.1-mini","choices":[{"index":0,"delta":{"content":" light"},"#,
            r#""finish_reason":null}]}"#,
            "\n\n"
        ),
        text: " light",
        minimal: serde_frames::openai_minimal,
        owned: serde_frames::openai_owned,
    },
    Sample {
        dialect: "anthropic-messages",
        provider: "anthropic",
        prelude: concat!(
            "event: message_start\n",
            r#"data: {"type":"message_start","message":{"id":"msg_014p7gG3wDgGV9EUtLvnow3U","type":"message","#,
            r#""role":"assistant","model":"claude-sonnet-4-5","content":[],"stop_reason":null,"#,
            r#""stop_sequence":null,"usage":{"input_tokens":472,"output_tokens":2}}}"#,
            "\n\nevent: content_block_start\n",
            r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            "\n\n"
        ),
        frame: concat!(
            "event: content_block_delta\n",
            r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" light"}}"#,
            "\n\n"
        ),
        text: " light",
        minimal: serde_frames::anthropic_minimal,
        owned: serde_frames::anthropic_owned,
    },
    Sample {
        dialect: "ollama-chat",
        provider: "ollama",
        prelude: concat!(
            r#"{"model":"llama3.2","created_at":"2026-11-20T08:52:19.385406455Z","#,
            r#""message":{"role":"assistant","content":"The"},"done":false}"#,
            "\n"
        ),
        frame: concat!(
            r#"{"model":"llama3.2","created_at":"2026-11-20T08:52:19.408311904Z","#,
            r#""message":{"role":"assistant","content":" light"},"done":false}"#,
            "\n"
        ),
        text: " light",
        minimal: serde_frames::ollama_minimal,
        owned: serde_frames::ollama_owned,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chunk_is_as_long_as_the_one_that_floors_were_measured_with() {
        assert_eq!(SAMPLES[0].frame.trim_end().trim_start_matches("data: ").len(), 185);
    }

    #[test]
    fn what_is_compared_with_reads_the_text() {
        for sample in &SAMPLES {
            for read in [sample.minimal, sample.owned] {
                assert_eq!(read(sample.frame.as_bytes()), sample.text.len(), "{}", sample.dialect);
            }
        }
    }
}
