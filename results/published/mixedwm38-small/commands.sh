#!/usr/bin/env bash
# 2,249 maps of MixedWM38: train on 20 maps of each of 38 types, test on a fifth of each, one run, the budgets of `quick`.
# Measured with OMP_NUM_THREADS=1, beside other work on the machine.
# From the root of the checkout, with FEWSHOT_BENCH_DATA naming the folder of MixedWM38-subset.npz. It goes on where it was stopped.
set -euo pipefail
out=results/published/mixedwm38-small
uv run bench run --protocol mixedwm38-small --train-per-class 20 --runs 1 --baselines frozen,scl_amp,resnet,dc_net,wscn --rules own,ridge --out $out --quiet
uv run bench compare --reference resnet --format csv --out $out >$out/comparison.csv
