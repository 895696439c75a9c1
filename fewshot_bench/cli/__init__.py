"""The `bench` command: options are parsed here, the work is done elsewhere and imported on call."""
