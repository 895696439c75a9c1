"""A baseline and a data set for fewshot-bench in a distribution of their own."""
