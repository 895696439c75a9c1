"""Machines of two kinds on one folder of results: one computes in bf16, the other does not."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from tests.helpers.command_line import TINY, words_of

HAS_BF16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not HAS_BF16, reason="this processor does not compute in bf16"),
]
WORDS = words_of("--shots 1 --ways 3 --device cpu --encoder resnet18 --image-size 32 --budget 32")


def bench(*words: object, bf16: bool) -> subprocess.CompletedProcess[str]:
    """The command on a machine that computes in bf16, or on one without."""
    environment = dict(os.environ)
    if not bf16:
        environment["ONEDNN_MAX_CPU_ISA"] = "AVX2"
    command = [sys.executable, "-m", "fewshot_bench", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def trained(out: Path, baselines: str, *, bf16: bool) -> subprocess.CompletedProcess[str]:
    return bench("run", *TINY, *WORDS, "--baselines", baselines, "--out", out, bf16=bf16)


def table(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "leaderboard.csv")


def test_a_machine_with_bf16_keeps_to_a_folder_without(tmp_path: Path):
    assert trained(tmp_path, "resnet", bf16=False).returncode == 0
    done = trained(tmp_path, "resnet,protonet", bf16=True)
    assert done.returncode == 0, done.stderr
    assert set(table(tmp_path)["precision"]) == {"float32"}
    assert len(list((tmp_path / "trainings").iterdir())) == 2


def test_a_machine_without_bf16_takes_no_training_that_needs_it(tmp_path: Path):
    assert trained(tmp_path, "resnet,pixels", bf16=True).returncode == 0
    before = (tmp_path / "leaderboard.csv").read_bytes()
    again = trained(tmp_path, "resnet,pixels", bf16=False)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "leaderboard.csv").read_bytes() == before
    refused = trained(tmp_path, "resnet,protonet", bf16=False)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    for text in ("bf16", "computing.json", str(tmp_path), "another --out"):
        assert text in refused.stderr
    assert len(list((tmp_path / "trainings").iterdir())) == 2
    given = bench(
        *("run", *TINY, *WORDS, "--baselines", "protonet", "--out", tmp_path),
        *("--set", "protonet.precision=float32"),
        bf16=False,
    )
    assert given.returncode == 0, given.stderr
    compared = bench("compare", "--reference", "resnet", "--out", tmp_path, bf16=False)
    assert compared.returncode == 0, compared.stderr
