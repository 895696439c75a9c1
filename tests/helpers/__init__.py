"""What several test files use: small runs, trainings, plug-ins, files and simulated answers."""
