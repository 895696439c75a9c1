"""Where trainings run: the contract of engines, and the worker processes that they share."""
