#!/usr/bin/env bash
# NEU-CLS: do two pictures of Crazing, Scratches, Pitted Surface show one class? 900 pairs; one training seed, the budgets of `quick`.
# From the root of the checkout, with FEWSHOT_BENCH_DATA naming the folder of NEU-CLS.zip. It goes on where it was stopped.
# Measured with OMP_NUM_THREADS=1.
set -euo pipefail
out=results/published/neu-pairs
uv run bench run --protocol neu-pairs --baselines frozen,siamese,siamese_deshpande --out $out --quiet
uv run bench compare --reference siamese_deshpande --format csv --out $out >$out/comparison.csv
uv run bench plot --reference siamese_deshpande --out $out
