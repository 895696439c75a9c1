#!/usr/bin/env bash
# NEU-CLS, Table II: train on 70 % of the images of each of six classes, test on the others; one run, the budgets of `quick`.
# From the root of the checkout, with FEWSHOT_BENCH_DATA naming the folder of NEU-CLS.zip. It goes on where it was stopped.
# Measured with OMP_NUM_THREADS=1.
set -euo pipefail
out=results/published/neu-classify
uv run bench run --protocol neu-classify --train-fraction 0.7 --runs 1 --baselines frozen,resnet,scl_amp,focal,casi_net,siamese_deshpande,multi_training --rules own,ridge --out $out --quiet
uv run bench compare --reference scl_amp --format csv --out $out >$out/comparison.csv
uv run bench plot --reference scl_amp --out $out
