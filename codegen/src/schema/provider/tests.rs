//! What a provider file becomes.
