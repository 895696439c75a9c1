#!/usr/bin/env bash
# NEU-CLS: train on Patches, Inclusion, Rolled-in Scale, test on Crazing, Scratches, Pitted Surface, in the preset `quick`:
# ten trained methods with five seeds, each with its own decision rule and two others; all decision rules on the features of a
# frozen encoder (bd_cspn, laplacian, pt_map, tim and transductive_finetuning answer all queries of an episode together), and floors.
# Not all was answered: the records of `baseline_pp`, `relation`, `resnet+whitened` and of the two rules on `supcon`, `scl`, `amp`
# and `matching` are missing, and the first two commands make them.
# From the root of the checkout, with FEWSHOT_BENCH_DATA naming the folder of NEU-CLS.zip. It goes on where it was stopped.
# The first three commands were measured on one NVIDIA H100 (bf16), each several times, side by side: the processes share the work.
# The next three, 98 seconds in all once the features were in the cache, on one processor core (OMP_NUM_THREADS=1).
set -euo pipefail
out=results/published/neu-heldout-methods
uv run bench run --protocol neu-heldout --shots 1,3,5,10,20 --seeds 5 --baselines scl_amp,siamese,protonet,resnet,supcon,scl,amp,baseline_pp,matching,relation --out $out --quiet
uv run bench run --protocol neu-heldout --shots 1,3,5,10,20 --seeds 5 --baselines scl_amp,siamese,protonet,resnet,supcon,scl,amp,baseline_pp,matching,relation --rules unit_mean,whitened --out $out --quiet
uv run bench run --protocol neu-heldout --shots 1,3,5,10,20 --baselines frozen --rules own,unit_mean,whitened --out $out --quiet
uv run bench run --protocol neu-heldout --shots 1,3,5,10,20 --baselines frozen --rules centred,nearest,ridge,logistic,tip,bd_cspn,laplacian,pt_map,tim,transductive_finetuning --out $out --quiet
uv run bench run --protocol neu-heldout --shots 1,3,5,10,20 --baselines frozen --rules whitened --views 8 --set whitened.power=0.5 --out $out --quiet
uv run bench run --protocol neu-heldout --shots 1,3,5,10,20 --baselines lbp,pixels,untrained --out $out --quiet
uv run bench compare --reference resnet --format csv --out $out >$out/comparison.csv
