"""Which method to use for a new defect class, measured by leaving known classes out."""
