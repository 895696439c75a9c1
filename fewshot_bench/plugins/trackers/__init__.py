"""The files of `fewshot_bench/trackers/`, and those of folders `trackers/` on the user's path."""

from fewshot_bench.plugins import folders_with_own

__path__ += folders_with_own("trackers")
