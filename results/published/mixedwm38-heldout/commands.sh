#!/usr/bin/env bash
# The MixedWM38 subset: train on single-type maps, test on 29 mixtures, all of them ways of each episode; one training seed.
# From the root of the checkout, with FEWSHOT_BENCH_DATA naming the folder of MixedWM38-subset.npz. It goes on where it was stopped.
# Measured with OMP_NUM_THREADS=1 and the first command twice, side by side: two processes share the work.
set -euo pipefail
out=results/published/mixedwm38-heldout
uv run bench run --protocol mixedwm38-heldout --data $FEWSHOT_BENCH_DATA/MixedWM38-subset.npz --shots 1,5 --episodes 1000 --budget 6000 --baselines scl_amp,resnet,protonet,siamese,untrained,pixels --out $out --quiet
uv run bench compare --reference scl_amp --format csv --out $out >$out/comparison.csv
uv run bench plot --reference scl_amp --out $out
