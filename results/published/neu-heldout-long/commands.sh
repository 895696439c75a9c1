#!/usr/bin/env bash
# NEU-CLS: train on Patches, Inclusion, Rolled-in Scale, test on Crazing, Scratches, Pitted Surface; three training seeds,
# three quarters of the budget of `quick`.
# From the root of the checkout, with FEWSHOT_BENCH_DATA naming the folder of NEU-CLS.zip. It goes on where it was stopped.
# Measured with OMP_NUM_THREADS=1 and the first two commands twice, side by side: two processes share the work.
set -euo pipefail
out=results/published/neu-heldout-long
uv run bench run --protocol neu-heldout --shots 1,3,5 --seeds 3 --budget 40000 --baselines scl_amp,protonet,resnet,siamese,untrained,pixels --out $out --quiet
uv run bench run --protocol neu-heldout --shots 1,3,5 --seeds 3 --budget 40000 --baselines scl,amp --out $out --quiet
uv run bench run --protocol neu-heldout --shots 1,3,5 --seeds 3 --baselines lbp --out $out --quiet
uv run bench compare --reference scl_amp --format csv --out $out >$out/comparison.csv
uv run bench plot --reference scl_amp --out $out
