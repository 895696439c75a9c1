#!/usr/bin/env bash
# ELPV: train on the four degrees of defect of polycrystalline cells, test on those of monocrystalline ones, in the preset
# `quick`: decision rules on the features of a frozen encoder, the floors, and the trained methods with three seeds, each with its own rule and with `whitened`.
# Measured with OMP_NUM_THREADS=1, beside other work on the machine.
# From the root of the checkout. The pictures come with the extra `elpv`. It goes on where it was stopped.
set -euo pipefail
out=results/published/elpv-heldout
uv run bench run --protocol elpv-heldout --shots 1,3,5 --baselines frozen --rules own,unit_mean,centred,nearest,ridge,logistic,tip,whitened --out $out --quiet
uv run bench run --protocol elpv-heldout --shots 1,3,5 --baselines lbp,pixels,untrained --out $out --quiet
uv run bench run --protocol elpv-heldout --shots 1,3,5 --seeds 3 --baselines scl_amp,siamese,protonet,resnet --rules own,whitened --out $out --quiet
uv run bench compare --reference resnet --format csv --out $out >$out/comparison.csv
