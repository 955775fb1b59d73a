//! Writes GGUF files. Everything can be written wrong on purpose but the layout: for that, change the bytes.

use typewright_runtime::local::dtype::Dtype;
use typewright_runtime::local::file::quantize::quantize;

/// A metadata value.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the names say all")]
pub enum Data {
    U8(u8),
    I8(i8),
    U16(u16),
    I16(i16),
    U32(u32),
    I32(i32),
    F32(f32),
    Bool(bool),
    String(Vec<u8>),
    /// The kind of all elements, as an example of it that need not be among them.
    Array(Box<Data>, Vec<Data>),
    U64(u64),
    I64(i64),
    F64(f64),
}

impl From<&str> for Data {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<u32> for Data {
    fn from(number: u32) -> Self {
        Self::U32(number)
    }
}

impl From<f32> for Data {
    fn from(number: f32) -> Self {
        Self::F32(number)
    }
}

impl From<bool> for Data {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl Data {
    /// An array of strings, as vocabularies are.
    pub fn strings<S: AsRef<[u8]>>(strings: impl IntoIterator<Item = S>) -> Self {
        let strings = strings.into_iter().map(|string| Self::String(string.as_ref().to_vec())).collect();
        Self::Array(Box::new(Self::String(Vec::new())), strings)
    }

    /// An array of floats, as scores of tokens are.
    pub fn floats(floats: impl IntoIterator<Item = f32>) -> Self {
        Self::Array(Box::new(Self::F32(0.0)), floats.into_iter().map(Self::F32).collect())
    }

    /// An array of whole numbers, as types of tokens are.
    pub fn ints(ints: impl IntoIterator<Item = i32>) -> Self {
        Self::Array(Box::new(Self::I32(0)), ints.into_iter().map(Self::I32).collect())
    }

    fn kind(&self) -> u32 {
        match self {
            Self::U8(_) => 0,
            Self::I8(_) => 1,
            Self::U16(_) => 2,
            Self::I16(_) => 3,
            Self::U32(_) => 4,
            Self::I32(_) => 5,
            Self::F32(_) => 6,
            Self::Bool(_) => 7,
            Self::String(_) => 8,
            Self::Array(..) => 9,
            Self::U64(_) => 10,
            Self::I64(_) => 11,
            Self::F64(_) => 12,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::U8(number) => out.extend(number.to_le_bytes()),
            Self::I8(number) => out.extend(number.to_le_bytes()),
            Self::U16(number) => out.extend(number.to_le_bytes()),
            Self::I16(number) => out.extend(number.to_le_bytes()),
            Self::U32(number) => out.extend(number.to_le_bytes()),
            Self::I32(number) => out.extend(number.to_le_bytes()),
            Self::F32(number) => out.extend(number.to_le_bytes()),
            Self::U64(number) => out.extend(number.to_le_bytes()),
            Self::I64(number) => out.extend(number.to_le_bytes()),
            Self::F64(number) => out.extend(number.to_le_bytes()),
            Self::Bool(flag) => out.push(u8::from(*flag)),
            Self::String(bytes) => string(bytes, out),
            Self::Array(kind, elements) => {
                out.extend(kind.kind().to_le_bytes());
                out.extend((elements.len() as u64).to_le_bytes());
                elements.iter().for_each(|element| element.write(out));
            }
        }
    }
}

/// A file that is being made.
#[derive(Debug, Clone)]
pub struct Gguf {
    /// Of the format.
    pub version: u32,
    /// Where tensors may start. Said in the metadata if it is not 32.
    pub alignment: usize,
    /// In the order of the file.
    pub metadata: Vec<(String, Data)>,
    /// Names, formats by their numbers, shapes outermost dimension first, and bytes.
    pub tensors: Vec<(String, u32, Vec<usize>, Vec<u8>)>,
}

impl Default for Gguf {
    fn default() -> Self {
        Self { version: 3, alignment: 32, metadata: Vec::new(), tensors: Vec::new() }
    }
}

impl Gguf {
    /// Adds metadata.
    pub fn entry(mut self, key: &str, data: impl Into<Data>) -> Self {
        self.metadata.push((key.into(), data.into()));
        self
    }

    /// Sets a metadata value that is there already.
    pub fn set(mut self, key: &str, data: impl Into<Data>) -> Self {
        self.metadata.retain(|(name, _)| name != key);
        self.entry(key, data)
    }

    /// Adds a tensor; its shape is given outermost dimension first.
    pub fn tensor(self, name: &str, dtype: Dtype, shape: &[usize], numbers: &[f32]) -> Self {
        assert_eq!(shape.iter().product::<usize>(), numbers.len(), "{name}");
        let bytes = quantize(dtype, numbers);
        assert!(bytes.is_ok(), "{name}: {bytes:?}");
        self.raw(name, dtype.to_ggml(), shape, bytes.unwrap_or_default())
    }

    /// Adds a tensor of any format and any bytes.
    pub fn raw(mut self, name: &str, format: u32, shape: &[usize], bytes: Vec<u8>) -> Self {
        self.tensors.push((name.into(), format, shape.to_vec(), bytes));
        self
    }

    /// The file.
    pub fn bytes(&self) -> Vec<u8> {
        let mut gguf = self.clone();
        if self.alignment != 32 {
            gguf = gguf.entry("general.alignment", self.alignment as u32);
        }
        gguf.written()
    }

    fn written(&self) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(self.version.to_le_bytes());
        out.extend((self.tensors.len() as u64).to_le_bytes());
        out.extend((self.metadata.len() as u64).to_le_bytes());
        for (key, data) in &self.metadata {
            string(key.as_bytes(), &mut out);
            out.extend(data.kind().to_le_bytes());
            data.write(&mut out);
        }
        let mut offset = 0;
        for (name, format, shape, bytes) in &self.tensors {
            string(name.as_bytes(), &mut out);
            out.extend((shape.len() as u32).to_le_bytes());
            shape.iter().rev().for_each(|len| out.extend((*len as u64).to_le_bytes()));
            out.extend(format.to_le_bytes());
            out.extend((offset as u64).to_le_bytes());
            offset += bytes.len().next_multiple_of(self.alignment);
        }
        for (.., bytes) in &self.tensors {
            out.resize(out.len().next_multiple_of(self.alignment), 0);
            out.extend(bytes);
        }
        out
    }
}

fn string(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend((bytes.len() as u64).to_le_bytes());
    out.extend(bytes);
}
