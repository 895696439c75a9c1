#!/usr/bin/env bash
# NEU-CLS: train on Patches, Inclusion, Rolled-in Scale, test on Crazing, Scratches, Pitted Surface, in the preset `quick`:
# ten trained methods with five seeds, each with its own decision rule and two others.
# Not all was answered: the records of `baseline_pp`, `relation`, `resnet+whitened` and of the two rules on `supcon`, `scl`, `amp`
# and `matching` are missing, and the first two commands make them.
# From the root of the checkout, with FEWSHOT_BENCH_DATA naming the folder of NEU-CLS.zip. It goes on where it was stopped.
# Measured on one NVIDIA H100 (bf16), with each command several times, side by side: the processes share the work.
set -euo pipefail
out=results/published/neu-heldout-methods
uv run bench run --protocol neu-heldout --shots 1,3,5,10,20 --seeds 5 --baselines scl_amp,siamese,protonet,resnet,supcon,scl,amp,baseline_pp,matching,relation --out $out --quiet
uv run bench run --protocol neu-heldout --shots 1,3,5,10,20 --seeds 5 --baselines scl_amp,siamese,protonet,resnet,supcon,scl,amp,baseline_pp,matching,relation --rules unit_mean,whitened --out $out --quiet
uv run bench run --protocol neu-heldout --shots 1,3,5,10,20 --baselines frozen --rules own,unit_mean,whitened --out $out --quiet
uv run bench compare --reference resnet --format csv --out $out >$out/comparison.csv
