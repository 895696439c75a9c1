#!/usr/bin/env bash
# NEU-CLS: train on 10 images of each of the six classes, test on all the others, three runs, in the preset `quick`: decision rules on
# the features of a frozen encoder, and two trained methods.
# Measured with OMP_NUM_THREADS=1, beside other work on the machine.
# From the root of the checkout, with FEWSHOT_BENCH_DATA naming the folder of NEU-CLS.zip. It goes on where it was stopped.
set -euo pipefail
out=results/published/neu-small-quick
uv run bench run --protocol neu-small --train-per-class 10 --runs 3 --baselines frozen --rules own,unit_mean,centred,ridge,logistic,whitened --out $out --quiet
uv run bench run --protocol neu-small --train-per-class 10 --runs 3 --baselines scl_amp,resnet --rules own,ridge --out $out --quiet
uv run bench compare --reference resnet --format csv --out $out >$out/comparison.csv
