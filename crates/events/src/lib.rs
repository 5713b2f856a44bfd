//! What crosses a topic: types, codecs and mappings.
