"""The evidence log: an RFC 9162 tree of packs, and the checkpoints that members sign over the tree."""
