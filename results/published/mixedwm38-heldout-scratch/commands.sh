#!/usr/bin/env bash
# 2,249 maps of MixedWM38: as mixedwm38-heldout-quick, with networks from random weights: the preset `scratch` with 18,000 of its
# images; one training of each method, with its own rule and with `whitened`.
# Measured with OMP_NUM_THREADS=1, beside other work on the machine.
# From the root of the checkout, with FEWSHOT_BENCH_DATA naming the folder of MixedWM38-subset.npz. It goes on where it was stopped.
set -euo pipefail
out=results/published/mixedwm38-heldout-scratch
uv run bench run --protocol mixedwm38-heldout --preset scratch --budget 18000 --shots 1,5 --baselines scl_amp,protonet,resnet --rules own,whitened --out $out --quiet
uv run bench compare --reference resnet --format csv --out $out >$out/comparison.csv
