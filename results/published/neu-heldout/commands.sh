#!/usr/bin/env bash
# NEU-CLS: train on Patches, Inclusion, Rolled-in Scale, test on Crazing, Scratches, Pitted Surface; three training seeds.
# From the root of the checkout, with FEWSHOT_BENCH_DATA naming the folder of NEU-CLS.zip. It goes on where it was stopped.
set -euo pipefail
out=results/published/neu-heldout
for baselines in scl_amp,resnet,untrained,pixels protonet siamese scl,amp; do
  uv run bench run --protocol neu-heldout --shots 1,3,5 --seeds 3 --baselines "$baselines" --out "$out" --quiet
done
uv run bench compare --reference resnet --format csv --out "$out" >"$out/comparison.csv"
uv run bench plot --reference resnet --out "$out"
