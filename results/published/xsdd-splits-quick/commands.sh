#!/usr/bin/env bash
# X-SDD: all 35 choices of three held-out classes, preset `quick` with its whole budget, one training of each method and split (140 trainings),
# 600 episodes of 15 queries a class; each with its own rule and with `whitened`.
# The other rules, on frozen features, on one processor core (OMP_NUM_THREADS=1); bd_cspn, laplacian, pt_map, tim and
# transductive_finetuning answer all queries of an episode together.
# The first command was measured on one NVIDIA H100 (bf16) with 16 cores: 462 seconds, beside another run on the same GPU.
# From the root of the checkout, with FEWSHOT_BENCH_DATA naming the folder of X-SDD.zip. It goes on where it was stopped.
set -euo pipefail
out=results/published/xsdd-splits-quick
uv run bench run --dataset xsdd --data $FEWSHOT_BENCH_DATA/X-SDD.zip --splits all --shots 1,3,5 --episodes 600 --baselines frozen,scl_amp,siamese,protonet,resnet --rules own,whitened --jobs 8 --gpus-per-job 0.125 --out $out --quiet
uv run bench run --dataset xsdd --splits all --shots 1,3,5 --episodes 600 --baselines frozen --rules unit_mean,centred,nearest,ridge,logistic,tip --out $out --quiet
uv run bench run --dataset xsdd --splits all --shots 1,3,5 --episodes 600 --baselines frozen --rules bd_cspn,laplacian,pt_map,tim,transductive_finetuning --out $out --quiet
uv run bench compare --reference frozen+whitened --format csv --out $out >$out/comparison.csv
uv run bench parts $out --picture $out/plots/parts.svg
