//! The intermediate representation: everything an emitter needs and nothing of how it was written.
//!
//! Plain data carrying spans, so that any generated line can be traced back to the YAML line that caused it.
//! [`provider`] is the catalog half (hosts, auth, models, prices), [`encode`] and [`decode`] are the wire half.

pub mod decode;
pub mod encode;
pub mod provider;
