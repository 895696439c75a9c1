"""The files of `episodes/`."""

from fewshot_bench.plugins import folders

__path__ += folders("episodes")
