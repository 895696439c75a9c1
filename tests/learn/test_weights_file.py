"""Files of weights: what is in them is read as data, their path stays outside of records, and what is wrong is said."""

import copy
import dataclasses
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from fewshot_bench.errors import UserError
from fewshot_bench.learn.encoder import Encoder, EncoderSettings
from fewshot_bench.learn.weights_file import WeightsFile, is_path, read_tensors, without_path
from tests.helpers.training import encoder_of

NAME = "timm:test_resnet"


@pytest.fixture(scope="module")
def source() -> Encoder:
    torch.manual_seed(5)
    return encoder_of(NAME)


@pytest.fixture
def saved(tmp_path: Path, source: Encoder) -> Path:
    path = tmp_path / "somewhere" / "net.safetensors"
    path.parent.mkdir()
    safetensors.torch.save_file(source.backbone.state_dict(), path)
    return path


def settings_of(path: object, **changes: Any) -> EncoderSettings:
    return EncoderSettings(encoder=NAME, weights=str(path), image_size=64, **changes)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ("none", False), ("DEFAULT", False), ("IMAGENET1K_V2", False), ("a1_in1k", False), ("x.pth", True),
        ("x.pt", True), ("x.bin", True), ("x.safetensors", True), ("moco.pth.tar", True), ("./x", True), ("a/b", True),
    ],
)  # fmt: skip
def test_a_path_is_told_by_its_ending_or_a_separator(weights: str, expected: bool):
    assert is_path(weights) is expected
    assert without_path(weights) == os.path.basename(weights)  # noqa: PTH119


def test_weights_are_loaded_with_the_normalisation_of_published_ones(saved: Path, source: Encoder):
    encoder = Encoder(settings_of(saved).resolved())
    for name, tensor in source.backbone.state_dict().items():
        assert torch.equal(encoder.backbone.state_dict()[name], tensor), name
    published = Encoder(settings_of("r160_in1k"), fetch=False)
    assert torch.equal(encoder.mean, published.mean)
    assert torch.equal(encoder.std, published.std)
    assert not torch.equal(encoder.std, source.std)


def test_the_path_travels_and_no_text_shows_it(saved: Path):
    resolved = settings_of(saved).resolved()
    assert resolved.weights == "net.safetensors"
    assert len(resolved.weights_sha256) == 64
    copies = [
        resolved,
        dataclasses.replace(resolved, image_size=96),
        pickle.loads(pickle.dumps(resolved)),
        copy.deepcopy(resolved),
    ]
    for settings in copies:
        assert isinstance(settings.weights, WeightsFile)
        assert settings.weights.path == saved
        assert type(settings.as_dict()["weights"]) is str
        assert "somewhere" not in json.dumps(settings.as_dict()) + repr(settings) + str(settings)
    assert resolved.resolved() == resolved


def test_the_path_is_absolute(saved: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(saved.parent)
    weights = settings_of("net.safetensors").resolved().weights
    monkeypatch.chdir("/")
    assert isinstance(weights, WeightsFile)
    assert weights.tensors()


def test_a_checkpoint_does_not_need_the_file(saved: Path):
    resolved = settings_of(saved).resolved()
    saved.unlink()
    assert Encoder(resolved, fetch=False).features == 96
    with pytest.raises(UserError, match=r"weights file net\.safetensors is not there"):
        Encoder(resolved)


def test_the_digest_is_checked_where_it_is_given(saved: Path):
    sha256 = settings_of(saved).resolved().weights_sha256
    assert settings_of(saved, weights_sha256=sha256).resolved().weights_sha256 == sha256
    with pytest.raises(
        UserError, match=rf"weights_sha256=abc is not .* net\.safetensors, .*{sha256}"
    ):
        settings_of(saved, weights_sha256="abc").resolved()
    with pytest.raises(UserError, match=r"weights_sha256=abc is not .* not known before"):
        settings_of("r160_in1k", weights_sha256="abc").resolved()


def test_a_file_that_changes_has_another_digest(saved: Path, source: Encoder):
    before = settings_of(saved).resolved().weights_sha256
    state = {name: tensor + 1 for name, tensor in source.backbone.state_dict().items()}
    safetensors.torch.save_file(state, saved)
    os.utime(saved, ns=(1, 1))
    assert settings_of(saved).resolved().weights_sha256 != before


@pytest.mark.parametrize("container", ["state_dict", "model", "model_state_dict"])
def test_containers_are_opened(tmp_path: Path, container: str):
    path = tmp_path / "x.pth"
    content = {container: {"a": torch.ones(2)}, "epoch": 3, "optimizer": {"state": {}}}
    torch.save(content, path)
    assert list(read_tensors(path)) == ["a"]


class Runs:
    """Unpickled, it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def code(path: Path) -> None:
    torch.save({"a": Runs(path.with_name("made"))}, path)


def code_in_the_old_format(path: Path) -> None:
    content = {"a": Runs(path.with_name("made"))}
    torch.save(content, path, _use_new_zipfile_serialization=False)


def plain_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"a": Runs(path.with_name("made"))}))


def objects(path: Path) -> None:
    torch.save({"state_dict": {"a": torch.ones(1)}, "hparams": Path("x")}, path)


def half(path: Path) -> None:
    torch.save({"a": torch.ones(1000)}, path)
    path.write_bytes(path.read_bytes()[:2000])


def arrays(path: Path) -> None:
    np.savez(path.with_suffix(".npz"), a=np.ones(3))
    path.with_suffix(".npz").rename(path)


BROKEN: list[tuple[str, Callable[[Path], object], str]] = [
    ("x.pth", lambda path: None, "weights file x.pth is not there; check the path after --weights"),
    ("x.pth", Path.mkdir, "weights x.pth are a folder; name a file"),
    ("x.pth", Path.touch, "weights file x.pth is empty; copy it again"),
    ("x.safetensors", Path.touch, "weights file x.safetensors is empty"),
    ("x.pth", code, r"x\.pth holds Python objects \((posix|nt)\.mkdir\), .* not loaded; save the weights alone"),
    ("x.bin", code_in_the_old_format, r"x\.bin holds Python objects \((posix|nt)\.mkdir\)"),
    ("x.bin", plain_pickle, r"x\.bin cannot be read \(ValueError: not what torch\.save writes"),
    ("x.pth", objects, r"x\.pth holds Python objects \(pathlib"),
    ("x.pt", half, r"x\.pt cannot be read \(.*\); copy it again .allowed: \.safetensors, \.pth"),
    ("x.pth", lambda path: path.write_bytes(b"no weights"), r"x\.pth cannot be read"),
    ("x.pth", arrays, r"x\.pth cannot be read"),
    ("x.safetensors", lambda path: path.write_bytes(b"no weights"), r"x\.safetensors cannot be read"),
    ("x.safetensors", half, r"x\.safetensors cannot be read"),
    ("x.pth", lambda path: torch.save([1, 2], path), "holds no weights by name"),
    ("x.pth", lambda path: torch.save({}, path), "holds no weights by name"),
    ("x.pth", lambda path: torch.save({"a": 1}, path), "holds 'a', which is no dense tensor"),
    ("x.pth", lambda path: torch.save({3: torch.ones(1)}, path), "holds 3, which is no dense tensor"),
    ("x.pth", lambda path: torch.save({"a": torch.eye(2).to_sparse()}, path), "no dense tensor"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "write", "expected"), BROKEN)
def test_what_is_wrong_with_a_file_is_one_line(
    tmp_path: Path, name: str, write: Callable[[Path], object], expected: str
):
    path = tmp_path / name
    write(path)
    with pytest.raises(UserError, match=expected) as error:
        settings_of(path).resolved()
    assert not (tmp_path / "made").exists(), "code of the file was run"
    assert str(tmp_path) not in str(error.value)
    assert len(str(error.value)) < 400


def test_a_run_with_a_broken_file_ends_before_it_begins(tmp_path: Path, bench: Any):
    path = tmp_path / "x.pth"
    path.write_bytes(b"no weights")
    words = ("--encoder", NAME, "--weights", path, "--out", tmp_path / "out")
    status, _, err = bench("run", "--baselines", "resnet", *words)
    assert (status, err.count("\n")) == (2, 1)
    assert err.startswith("error: weights file x.pth cannot be read")
