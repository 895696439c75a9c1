"""The files of `fewshot_bench/rules/`, and those of folders `rules/` on the user's path."""

from fewshot_bench.plugins import OWN_RULES, folders

__path__ += [OWN_RULES, *folders("rules")]
