"""The files of `baselines/`."""

from fewshot_bench.plugins import folders

__path__ += folders("baselines")
