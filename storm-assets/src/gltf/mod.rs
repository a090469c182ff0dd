//! The glTF 2.0 reader.
