#!/usr/bin/env bash
# X-SDD: train on finishing roll printing, iron sheet ash and both oxide scales, test on red iron, slag inclusion and surface scratch, in
# the preset `quick`: decision rules on the features of a frozen encoder, the floors, and the trained methods with three seeds.
# From the root of the checkout, with FEWSHOT_BENCH_DATA naming the folder of X-SDD.zip. It goes on where it was stopped.
set -euo pipefail
out=results/published/xsdd-heldout
uv run bench run --protocol xsdd-heldout --shots 1,3,5 --baselines frozen --rules own,unit_mean,centred,ridge,whitened --out $out --quiet
uv run bench run --protocol xsdd-heldout --shots 1,3,5 --baselines lbp,pixels,untrained --out $out --quiet
uv run bench run --protocol xsdd-heldout --shots 1,3,5 --baselines scl_amp,siamese,protonet,resnet --seeds 3 --out $out --quiet
uv run bench compare --reference resnet --format csv --out $out >$out/comparison.csv
