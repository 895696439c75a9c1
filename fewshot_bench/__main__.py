"""`python -m fewshot_bench` is the `bench` command."""

from fewshot_bench.cli import main

main()
