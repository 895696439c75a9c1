#!/usr/bin/env bash
# NEU-CLS: train on 10 images of each of the six classes, test on all the others; three runs.
# From the root of the checkout, with FEWSHOT_BENCH_DATA naming the folder of NEU-CLS.zip. It goes on where it was stopped.
# Measured with OMP_NUM_THREADS=1 and the first command twice, side by side: two processes share the work.
set -euo pipefail
out=results/published/neu-small
uv run bench run --protocol neu-small --train-per-class 10 --runs 3 --budget 6000 --baselines scl_amp,resnet --out $out --quiet
uv run bench compare --reference scl_amp --format csv --out $out >$out/comparison.csv
uv run bench plot --reference scl_amp --out $out
