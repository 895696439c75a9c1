"""The command as a whole: its version, completion in a shell, and what it imports to show them."""

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.helpers.places import ROOT

HEAVY = {"torch", "pandas", "numpy", "scipy"}


def complete(words: str, position: int) -> list[str]:
    """What bash is told for the word at this position."""
    environment = os.environ | {
        "_BENCH_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(position),
    }
    code = "import sys; from fewshot_bench.cli.main import main; sys.argv = ['bench']; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=ROOT
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def test_version(bench):
    assert bench("--version") == (0, f"fewshot-bench {version('fewshot-bench')}\n", "")


def test_without_a_command_it_shows_its_help_alone(bench):
    status, out, err = bench()
    assert (status, out) == (2, "")
    assert err.strip().startswith("Usage: bench [OPTIONS] COMMAND [ARGS]...")
    assert "error:" not in err


@pytest.mark.parametrize("flag", ["-h", "--help"])
@pytest.mark.parametrize("command", [(), ("run",), ("compare",), ("cache",)])
def test_help_fits_80_columns_and_cuts_nothing(
    bench, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], flag: str
):
    monkeypatch.setenv("COLUMNS", "80")
    status, out, err = bench(*command, flag)
    assert (status, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert "..." not in out.replace("[ARGS]...", "").replace(",...", "")


def test_help_groups_options_and_says_what_they_take(bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = bench("run", "--help")
    panels = re.findall(r"╭─ ([\w ]+) ─", out)
    assert panels == [
        "Options",
        "Data",
        "Episodes",
        "Classification and pairs",
        "Methods",
        "Machine",
        "Results",
    ]
    assert re.search(r"--seeds +<int> ", out)
    assert re.search(r"--shots +<int,...> ", out)
    assert re.search(r"--fresh +Compute again", out)
    assert "[default: 3]" in out
    lines = [line.strip() for line in out.splitlines()]
    assert "bench run --ways 3 --shots 1,3,5" in lines[lines.index("Examples:") :]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["run", "--baseline", "x"], "did you mean --baselines?; bench run --help shows"),
        (["rum"], "Did you mean 'run'?; bench --help shows"),
        (["compare"], "Missing option '--reference'; bench compare --help shows"),
        (["run", "--baselines", "pixel"], "did you mean 'pixels'?"),
        (["run", "--rules", "whitend"], "did you mean 'whitened'?"),
        (["run", "--dataset", "nue"], "did you mean 'neu'?"),
        (["run", "--device", "cuda:x"], "unknown device 'cuda:x'"),
        (["run", "--seed", "-1"], "--seed -1 is out of bounds (allowed: 0 or more)"),
        (["run", "--data", "a", "--data", "b"], "--data is given twice (a and b); leave one out"),
    ],
)
def test_a_mistyped_name_is_told_with_the_one_that_is_meant(bench, words, expected: str):
    status, _, err = bench(*words)
    assert (status, err.count("\n")) == (2, 1)
    assert expected in err


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "--help"]])
def test_what_is_shown_at_once_imports_nothing_heavy(words: list[str]):
    code = (
        "import sys\nfrom fewshot_bench.cli.main import main\n"
        f"sys.argv = ['bench', *{words}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"assert not {HEAVY} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=ROOT)


def test_names_of_commands_and_options_are_completed():
    assert complete("bench ru", 1) == ["run"]
    assert complete("bench l", 1) == ["list", "leaderboard"]
    assert complete("bench run --sh", 2) == ["--shots"]
    assert complete("bench compare --re", 2) == ["--reference"]
    assert complete("bench nonsense --re", 2) == []


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_completion_is_installed_and_works_in_bash(tmp_path: Path):
    """The shell is named, as it cannot be detected where tests are started by another program."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    program = bin_folder / "bench"
    program.write_text(
        f"#!{sys.executable}\nfrom fewshot_bench.cli.main import main\n\nmain()\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    environment = os.environ | {
        "HOME": str(tmp_path),
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }
    script = (
        "bench --install-completion bash && . ~/.bashrc && complete -p bench && "
        "COMP_WORDS=(bench lead) && COMP_CWORD=1 && _bench_completion bench && "
        'echo "completed: ${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert f"bash completion installed in {tmp_path}" in done.stdout
    assert "completed: leaderboard" in done.stdout


def test_a_run_says_at_once_that_it_starts():
    """Before anything heavy is imported; a mistake in a name is told only then."""
    code = (
        "import sys\nfrom fewshot_bench.cli import output\n"
        "from fewshot_bench.cli.main import main\n"
        "def stop(console, what):\n"
        f"    assert not {HEAVY} & set(sys.modules)\n"
        "    raise SystemExit(what)\n"
        "output.starting = stop\n"
        "sys.argv = ['bench', 'run', '--shots', '1']\nmain()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stderr == "bench run\n"
