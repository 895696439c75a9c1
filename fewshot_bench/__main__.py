"""`python -m fewshot_bench` is the `bench` command."""

from fewshot_bench.cli.main import main

main()
