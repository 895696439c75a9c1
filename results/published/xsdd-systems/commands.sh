#!/usr/bin/env bash
# X-SDD: train on 70 % of the images of each of seven classes, test on the others; one run, the budgets of `quick`.
# From the root of the checkout, with FEWSHOT_BENCH_DATA naming the folder of X-SDD.zip. It goes on where it was stopped.
# Measured with OMP_NUM_THREADS=1.
set -euo pipefail
out=results/published/xsdd-systems
uv run bench run --protocol xsdd-classify --runs 1 --baselines frozen,resnet,focal,repvgg_sa --rules own,ridge --out $out --quiet
uv run bench compare --reference repvgg_sa --format csv --out $out >$out/comparison.csv
uv run bench plot --reference repvgg_sa --out $out
