"""Encodings with one spelling for each value: canonical JSON and CBOR, protobuf, RLP."""
