"""Intervals and tests, as pure functions over arrays."""
