"""What an encoder looks at."""
