#!/usr/bin/env bash
# NEU-CLS: all 20 choices of three held-out classes, trained on the other three; one training seed.
# From the root of the checkout, with FEWSHOT_BENCH_DATA naming the folder of NEU-CLS.zip. It goes on where it was stopped.
# Measured with OMP_NUM_THREADS=1 and the first command twice, side by side: two processes share the work.
set -euo pipefail
out=results/published/neu-splits
uv run bench run --dataset neu --splits all --shots 1,3,5 --budget 2000 --baselines scl_amp,resnet,protonet,siamese --out $out --quiet
uv run bench compare --reference scl_amp --format csv --out $out >$out/comparison.csv
uv run bench plot --reference scl_amp --out $out
