#!/usr/bin/env bash
# NEU-CLS: train on Patches, Inclusion, Rolled-in Scale, test on Crazing, Scratches, Pitted Surface, in the preset `quick`:
# decision rules on the features of a frozen encoder, the best of them with 8 views and a square root too; the floors; the
# trained methods with three seeds.
# From the root of the checkout, with FEWSHOT_BENCH_DATA naming the folder of NEU-CLS.zip. It goes on where it was stopped.
set -euo pipefail
out=results/published/neu-heldout-quick
uv run bench run --protocol neu-heldout --shots 1,3,5 --queries all --baselines frozen --rules own,unit_mean,centred,ridge,whitened --out $out --quiet
uv run bench run --protocol neu-heldout --shots 1,3,5 --queries all --baselines lbp,pixels,untrained --out $out --quiet
uv run bench run --protocol neu-heldout --shots 1,3,5 --queries all --baselines scl_amp,siamese,protonet,resnet --seeds 3 --out $out --quiet
uv run bench run --protocol neu-heldout --shots 1,3,5 --queries all --baselines frozen --rules whitened --views 8 --set whitened.power=0.5 --out $out --quiet
uv run bench compare --reference resnet --format csv --out $out >$out/comparison.csv
uv run bench plot --reference resnet --out $out
