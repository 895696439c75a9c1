#!/usr/bin/env bash
# 2,249 maps of MixedWM38: train on the single types, test on 29 mixtures, all of them ways, in the preset `quick`: decision rules on
# the features of a frozen encoder, two floors, and one training of each of the trained methods, with its own rule and with `whitened`.
# Measured with OMP_NUM_THREADS=1, beside other work on the machine.
# From the root of the checkout, with FEWSHOT_BENCH_DATA naming the folder of MixedWM38-subset.npz. It goes on where it was stopped.
set -euo pipefail
out=results/published/mixedwm38-heldout-quick
uv run bench run --protocol mixedwm38-heldout --shots 1,5 --baselines frozen --rules own,unit_mean,centred,nearest,ridge,logistic,tip,whitened --out $out --quiet
uv run bench run --protocol mixedwm38-heldout --shots 1,5 --baselines pixels,untrained --out $out --quiet
uv run bench run --protocol mixedwm38-heldout --shots 1,5 --baselines scl_amp,siamese,protonet,resnet --rules own,whitened --out $out --quiet
uv run bench compare --reference resnet --format csv --out $out >$out/comparison.csv
