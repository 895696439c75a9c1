#!/usr/bin/env bash
# The MixedWM38 subset, Table V: train on 80 % of the maps of each of 38 classes, test on the others; one run, the budgets of `quick`.
# From the root of the checkout, with FEWSHOT_BENCH_DATA naming the folder of MixedWM38-subset.npz. It goes on where it was stopped.
# Measured with OMP_NUM_THREADS=1.
set -euo pipefail
out=results/published/mixedwm38-classify
uv run bench run --protocol mixedwm38-classify --data $FEWSHOT_BENCH_DATA/MixedWM38-subset.npz --runs 1 --baselines frozen,resnet,scl_amp,dc_net,wscn --rules own,ridge --out $out --quiet
uv run bench compare --reference dc_net --format csv --out $out >$out/comparison.csv
uv run bench plot --reference dc_net --out $out
