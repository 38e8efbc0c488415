"""What members state over the ledgers: attestations, checkpoints of evidence logs, acknowledged notices."""
