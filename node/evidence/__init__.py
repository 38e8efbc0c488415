"""Evidence: what members upload beside an attestation, and the bundles that an outsider checks."""
