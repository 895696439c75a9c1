"""Protocols: which images are trained on, and which episodes every baseline answers."""
