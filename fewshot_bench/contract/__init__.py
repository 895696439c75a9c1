"""What a baseline promises, and how it is held to it."""
