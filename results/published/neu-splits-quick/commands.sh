#!/usr/bin/env bash
# NEU-CLS: all 20 choices of three held-out classes, preset `quick` with its whole budget, one training of each method and split (80 trainings),
# 600 episodes of 15 queries a class; each with its own rule and with `whitened`.
# The other rules, on frozen features, on one processor core (OMP_NUM_THREADS=1); bd_cspn, laplacian, pt_map, tim and
# transductive_finetuning answer all queries of an episode together.
# The first command was measured on one NVIDIA H100 (bf16) with 16 cores: 149 seconds.
# From the root of the checkout, with FEWSHOT_BENCH_DATA naming the folder that has NEU-CLS.zip unpacked as neu/. It goes on where it was stopped.
set -euo pipefail
out=results/published/neu-splits-quick
uv run bench run --dataset neu --data $FEWSHOT_BENCH_DATA/neu --splits all --shots 1,3,5 --episodes 600 --baselines frozen,scl_amp,siamese,protonet,resnet --rules own,whitened --jobs 8 --gpus-per-job 0.125 --out $out --quiet
uv run bench run --dataset neu --splits all --shots 1,3,5 --episodes 600 --baselines frozen --rules unit_mean,centred,nearest,ridge,logistic,tip,bd_cspn,laplacian,pt_map,tim,transductive_finetuning --out $out --quiet
uv run bench compare --reference frozen+whitened --format csv --out $out >$out/comparison.csv
uv run bench parts $out --picture $out/plots/parts.svg
