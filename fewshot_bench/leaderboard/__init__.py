"""ResultsFolder become tables."""
