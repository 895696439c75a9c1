"""The files of `fewshot_bench/rules/`, and those of folders `rules/` on the user's path."""

from fewshot_bench.plugins import folders_with_own

__path__ += folders_with_own("rules")
