#!/usr/bin/env bash
# The MixedWM38 subset: DC-Net trained on maps of one defect or none is asked about 29 mixtures, without a reference and with some; one training seed.
# From the root of the checkout, with FEWSHOT_BENCH_DATA naming the folder of MixedWM38-subset.npz. It goes on where it was stopped.
# Measured with OMP_NUM_THREADS=1.
set -euo pipefail
out=results/published/mixedwm38-unseen
uv run bench run --protocol mixedwm38-heldout --data $FEWSHOT_BENCH_DATA/MixedWM38-subset.npz --shots 0,1,5 --episodes 1000 --baselines dc_net --out $out --quiet
