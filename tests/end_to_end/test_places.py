"""Places that are not as usual: no home, a notebook's environment, terminals that are not UTF-8, `~`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fewshot_bench import Request, UserError, data, leaderboard, listing, run
from fewshot_bench.data import cache_files
from tests.helpers.command_line import FEW
from tests.helpers.files import image_folder
from tests.helpers.places import ROOT
from tests.helpers.plugin_files import copied

CODE = "import sys; from fewshot_bench.cli.main import main; sys.argv[0] = 'bench'; main()"
OWN = {"划痕": [16] * 8, "dent": [16] * 8, "麻点": [16] * 8}
WORDS = ("--dataset", "folder", "--test-classes", "划痕,dent", "--ways", "2", "--shots", "1")


def bench_in(environment: dict[str, str], *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CODE, *map(str, words)],
        env=os.environ | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def test_a_notebooks_backend_and_a_terminal_that_is_not_utf8(tmp_path: Path):
    own = image_folder(tmp_path / "own", OWN)
    environment = {
        "MPLBACKEND": "module://no_such_notebook.backend_inline",
        "PYTHONIOENCODING": "latin-1",
    }
    out = tmp_path / "out"
    words = ("--data", own, *WORDS, *FEW, "--baselines", "pixels", "--out", out, "--plots")
    done = bench_in(environment, "run", *words)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "\\u5212\\u75d5" in done.stdout
    assert list(out.glob("plots/*.png"))


def test_the_backend_that_was_named_is_the_one_that_others_get():
    code = (
        "import os; from fewshot_bench.optional import import_matplotlib; import_matplotlib();"
        "import matplotlib; print(matplotlib.rcParams['backend'], os.environ['MPLBACKEND'])"
    )
    environment = os.environ | {"MPLBACKEND": "svg"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout == "svg svg\n"


def test_without_a_home_the_cache_is_among_temporary_files(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def no_home(name: str) -> str:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.delenv("FEWSHOT_BENCH_CACHE")
    monkeypatch.setattr(cache_files, "_told", set())
    for function in (no_home, lambda name: "~/.cache/fewshot-bench"):
        monkeypatch.setattr(cache_files.platformdirs, "user_cache_dir", function)
        assert cache_files.cache_folder().name.startswith("fewshot-bench-")
        assert cache_files.cache_folder().is_absolute()
    (line,) = caplog.messages
    assert "this user has no home folder, so the cache is" in line


def test_a_tilde_is_the_home_in_paths_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    image_folder(tmp_path / "own", OWN)
    assert len(data(Request(data="~/own"))) == 24  # type: ignore[arg-type]
    request = Request(
        dataset="folder",
        data=Path("~/own"),
        test_classes=["划痕", "dent"],
        ways=2,
        shots=[1],
        queries=5,
        episodes=20,
        baselines=["pixels"],
    )
    run(request, "~/out")
    assert (tmp_path / "out" / "leaderboard.csv").is_file()
    assert len(leaderboard("~/out")) == 1
    copied("shades", tmp_path / "my_shades.py")
    assert "my-shades" in listing(["~/my_shades.py"])["name"].tolist()


def test_a_tilde_without_a_home_is_one_line(monkeypatch: pytest.MonkeyPatch):
    def no_home(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", no_home)
    with pytest.raises(UserError, match=r"~/own begins with ~, and the home folder"):
        Request(data="~/own")  # type: ignore[arg-type]
