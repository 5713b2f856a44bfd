//! Bytes in, bytes out: lanes, readers and writers over an embedded log.
