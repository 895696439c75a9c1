#!/usr/bin/env bash
# NEU-CLS: train on Patches, Inclusion, Rolled-in Scale, test on Crazing, Scratches, Pitted Surface, in the preset `scratch`
# at its full budget: ResNet-18 from random weights, 64 px, 60 epochs; five training seeds.
# From the root of the checkout, with FEWSHOT_BENCH_DATA naming the folder of NEU-CLS.zip. It goes on where it was stopped.
# Measured on one NVIDIA H100 (bf16), with each command several times, side by side: the processes share the work.
set -euo pipefail
out=results/published/neu-heldout-scratch
uv run bench run --protocol neu-heldout --preset scratch --shots 1,3,5 --seeds 5 --baselines scl_amp,siamese,protonet,resnet --out $out --quiet
uv run bench run --protocol neu-heldout --preset scratch --shots 1,3,5 --seeds 5 --baselines untrained --out $out --quiet
uv run bench compare --reference scl_amp --format csv --out $out >$out/comparison.csv
uv run bench plot --reference scl_amp --out $out
