//! Writes safetensors files, and the index of several.

use serde_json::{Map, Value, json};

/// A file that is being made.
#[derive(Debug, Clone, Default)]
pub struct Safetensors {
    tensors: Map<String, Value>,
    data: Vec<u8>,
}

impl Safetensors {
    /// Adds a tensor of 32-bit floats.
    pub fn f32(self, name: &str, shape: &[usize], numbers: &[f32]) -> Self {
        self.raw(
            name,
            "F32",
            shape,
            &numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>(),
        )
    }

    /// Adds a tensor of any format and any bytes.
    pub fn raw(mut self, name: &str, format: &str, shape: &[usize], bytes: &[u8]) -> Self {
        let start = self.data.len();
        self.data.extend(bytes);
        let tensor = json!({ "dtype": format, "shape": shape, "data_offsets": [start, self.data.len()] });
        self.tensors.insert(name.into(), tensor);
        self
    }

    /// The file.
    pub fn bytes(&self) -> Vec<u8> {
        let mut header = Map::from_iter([("__metadata__".into(), json!({ "format": "pt" }))]);
        header.extend(self.tensors.clone());
        file(&Value::Object(header).to_string(), &self.data)
    }
}

/// A file of this header, filled up with spaces as the format wants, and these bytes.
pub fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let len = header.len().next_multiple_of(8);
    let mut out = (len as u64).to_le_bytes().to_vec();
    out.extend(header.as_bytes());
    out.resize(8 + len, b' ');
    out.extend(data);
    out
}

/// The index of files with these tensors.
pub fn index(places: &[(&str, &str)]) -> String {
    let map: Map<String, Value> =
        places.iter().map(|(tensor, file)| ((*tensor).to_owned(), json!(file))).collect();
    json!({ "metadata": { "total_size": 0 }, "weight_map": map }).to_string()
}
