#!/usr/bin/env bash
# NEU-CLS: train on Patches, Inclusion, Rolled-in Scale, test on Crazing, Scratches, Pitted Surface: `scl_amp` and `resnet` in the
# preset `quick`, and with one thing changed: random weights, the paper's learning rate, the paper's picture size, four times the
# budget; the frozen encoder at its own picture size and at that of the preset.
# Measured with OMP_NUM_THREADS=1 on one processor core, beside other work on the machine.
# From the root of the checkout, with FEWSHOT_BENCH_DATA naming the folder of NEU-CLS.zip. It goes on where it was stopped.
set -euo pipefail
out=results/published/neu-heldout-changes
uv run bench run --protocol neu-heldout --shots 1,3,5 --baselines scl_amp,resnet --rules own,whitened --out $out --quiet --seeds 3
uv run bench run --protocol neu-heldout --shots 1,3,5 --baselines scl_amp,resnet --rules own,whitened --out $out --quiet --seeds 3 --weights none
uv run bench run --protocol neu-heldout --shots 1,3,5 --baselines scl_amp,resnet --rules own,whitened --out $out --quiet --seeds 3 --set scl_amp.learning_rate=0.0005 --set resnet.learning_rate=0.0005
uv run bench run --protocol neu-heldout --shots 1,3,5 --baselines scl_amp,resnet --rules own,whitened --out $out --quiet --seeds 2 --image-size 200
uv run bench run --protocol neu-heldout --shots 1,3,5 --baselines scl_amp,resnet --rules own,whitened --out $out --quiet --seeds 3 --image-size 200
uv run bench run --protocol neu-heldout --shots 1,3,5 --baselines scl_amp,resnet --rules own,whitened --out $out --quiet --seeds 2 --budget 18000
uv run bench run --protocol neu-heldout --shots 1,3,5 --baselines frozen --rules own,whitened --out $out --quiet
uv run bench run --protocol neu-heldout --shots 1,3,5 --baselines frozen --rules own,whitened --image-size 96 --out $out --quiet
uv run bench compare --reference "frozen+whitened[image_size=224]" --format csv --out $out >$out/comparison.csv
uv run bench parts $out --picture $out/plots/parts.svg
