"""What a member keeps on its disk: the evidence log, what was refused, and the way back to measurements."""
