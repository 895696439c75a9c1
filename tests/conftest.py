import importlib.util
import os

if (
    "PYTEST_XDIST_WORKER" in os.environ
):  # as many processes as cores: each, and what it starts, computes on one
    os.environ["OMP_NUM_THREADS"] = "1"

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings

from fewshot_bench.cli.main import main
from fewshot_bench.data.labelled import LabelledImages, group_by_class
from tests.helpers.places import ROOT

FEW_EXAMPLES = 8  # of damaged files and odd arguments, a test
MANY_EXAMPLES = 40  # where the slow tests run too


def pytest_configure(config: pytest.Config) -> None:
    """Set how many examples each fuzzing test tries."""
    is_quick = config.getoption("markexpr") == "not slow"
    default = FEW_EXAMPLES if is_quick else MANY_EXAMPLES
    settings.register_profile(
        "fuzzing",
        max_examples=int(os.environ.get("FEWSHOT_BENCH_EXAMPLES", default)),
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    settings.load_profile("fuzzing")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """What measures time has the machine for itself."""
    return 0 if any("benchmarks" in argument for argument in config.args) else None


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Decoded data goes to a folder of this session, so that no test reads what another version wrote."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # one folder for all processes
        folder = folder.parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FEWSHOT_BENCH_CACHE", str(folder / "cache"))
        patch.setenv("NO_COLOR", "1")
        yield


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoded data goes to a folder of this test."""
    monkeypatch.setenv("FEWSHOT_BENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the real data; tests that need it are skipped where it is not."""
    places = [
        Path(os.environ.get("FEWSHOT_BENCH_DATA") or "nowhere"),
        ROOT.parent / "shared" / "data",
    ]
    found = next((place for place in places if (place / "NEU-CLS.zip").is_file()), None)
    if found is None:
        pytest.skip("the NEU data is not here: name its folder in FEWSHOT_BENCH_DATA")
    return found


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run `bench` as a user would: (exit status, standard output, standard error)."""

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["bench", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        return int(stop.value.code or 0), captured.out, captured.err

    return call


@pytest.fixture(scope="session")
def blobs() -> LabelledImages:
    """Six classes of 20 grey 32 x 32 images that differ in brightness and direction of stripes."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:32, :32]
    images, labels = [], []
    for label in range(6):
        stripes = np.sin((x * np.cos(label / 2) + y * np.sin(label / 2)) / 2)
        for _ in range(20):
            pixels = 80 + 15 * label + 40 * stripes + rng.normal(0, 10, (32, 32))
            images.append(np.clip(pixels, 0, 255).astype(np.uint8)[None])
            labels.append(label)
    names = [f"class{label}" for label in range(6)]
    return group_by_class(
        "blobs", np.stack(images), labels, names, [f"{i}.png" for i in range(len(labels))]
    )


@pytest.fixture(scope="session")
def learn2learn() -> None:
    """Tests of what learn2learn does are skipped where it is not installed."""
    if importlib.util.find_spec("learn2learn") is None:
        pytest.skip("learn2learn is not here, which needs gcc: uv sync --extra meta")


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> dict[str, torch.Tensor]:
    """The real loading code, on weights made here in the place of the download."""
    from torchvision.models import resnet18

    torch.manual_seed(3)
    weights: dict[str, torch.Tensor] = resnet18().state_dict()
    monkeypatch.setattr(
        "torchvision.models._api.load_state_dict_from_url", lambda *args, **options: weights
    )
    return weights
