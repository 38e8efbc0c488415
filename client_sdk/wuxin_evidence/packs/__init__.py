"""What a device says: readings (SenML-CBOR) in a signed pack (COSE_Sign1)."""
