#!/usr/bin/env bash
# X-SDD: 70 % of each class to train on, as in Feng, Gao and Luo (2021), whose figures stand beside ours in recalls.csv, 10 runs:
# decision rules on the features of a frozen encoder.
# From the root of the checkout, with FEWSHOT_BENCH_DATA naming the folder of X-SDD.zip. It goes on where it was stopped.
set -euo pipefail
out=results/published/xsdd-classify
uv run bench run --protocol xsdd-classify --baselines frozen --rules own,centred,ridge,whitened --out $out --quiet
uv run bench compare --reference frozen --format csv --out $out >$out/comparison.csv
