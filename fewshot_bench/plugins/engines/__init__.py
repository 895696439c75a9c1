"""The files of `fewshot_bench/engines/`, and those of folders `engines/` on the user's path."""

from fewshot_bench.plugins import folders_with_own

__path__ += folders_with_own("engines")
