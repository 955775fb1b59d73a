//! A bounded run of what cargo-fuzz runs without bounds: answers that are nearly right, and anything else.

use typewright_tests::fuzz::answers;

use super::Numbers;

/// Answers of each wire, right as they stand.
const ANSWERS: [&str; 4] = [
    "data: {\"id\":\"a\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"He\"}}]}\n\n\
     data: {\"id\":\"a\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":\
     {\"name\":\"f\",\"arguments\":\"{\\\"x\\\":\\u00e9\"}}]}}]}\n\n\
     data: {\"id\":\"a\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n\
     data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4,\"total_tokens\":7}}\n\ndata: [DONE]\n\n",
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":3}}}\n\n\
     event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
     event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n\
     event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n\
     event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":1}}\n\n\
     event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"He\",\"thinking\":\"so\"},\"done\":false}\n\
     {\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\
     \"arguments\":{\"x\":[1,{\"y\":null}]}}}]},\"done\":false}\n\
     {\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\
     \"prompt_eval_count\":3,\"eval_count\":4}\n",
    ": PROCESSING\n\ndata: {\"id\":\"a\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\",\"reasoning\":\"so\",\
     \"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"so\",\"index\":0}]}}]}\n\n\
     data: {\"id\":\"a\",\"error\":{\"code\":502,\"message\":\"gone\"},\"choices\":[{\"index\":0,\"delta\":{},\
     \"finish_reason\":\"error\"}]}\n\n",
];

/// Pieces that answers are made of.
const PIECES: [&str; 18] = [
    "data: ",
    "event: error\n",
    "\n\n",
    "\r\n",
    "[DONE]",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\u",
    "\\ud83d",
    "null",
    "-1e999",
    "99999999999999999999",
    "\u{1f980}",
    "\"type\":\"error\",",
    ":\n",
];

#[test]
fn answers_that_are_nearly_right_are_survived_however_they_are_cut() {
    let mut numbers = Numbers(20_261_121);
    for (choice, answer) in ANSWERS.iter().enumerate() {
        answers(choice as u8, answer.as_bytes());
        for _ in 0..400 {
            let mut bytes = answer.as_bytes().to_vec();
            (0..=numbers.below(3)).for_each(|_| mutate(&mut bytes, &mut numbers));
            answers(choice as u8, &bytes);
        }
    }
}

#[test]
fn anything_else_is_survived_too() {
    let mut numbers = Numbers(7);
    for round in 0..800 {
        let pieces = (0..numbers.below(60)).map(|_| PIECES[numbers.below(PIECES.len())]).collect::<String>();
        answers(round as u8, pieces.as_bytes());
        let bytes: Vec<u8> = (0..numbers.below(200)).map(|_| numbers.next() as u8).collect();
        answers(round as u8, &bytes);
    }
}

fn mutate(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    let at = numbers.below(bytes.len().max(1));
    match numbers.below(5) {
        0 => bytes.truncate(at),
        1 if at < bytes.len() => bytes[at] = numbers.next() as u8,
        2 => {
            let piece = PIECES[numbers.below(PIECES.len())].bytes();
            bytes.splice(at.min(bytes.len())..at.min(bytes.len()), piece);
        }
        3 => {
            let end = (at + numbers.below(40)).min(bytes.len());
            let copy = bytes[at.min(end)..end].to_vec();
            bytes.extend(copy);
        }
        _ => drop(bytes.drain(at.min(bytes.len())..(at + numbers.below(20)).min(bytes.len()))),
    }
}
