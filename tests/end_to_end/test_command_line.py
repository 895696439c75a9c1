"""The command line as a user types it: what it prints, what it writes, and one line with status 2 for each mistake."""

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fewshot_bench import api
from tests.helpers.command_line import FEW, TINY, words_of
from tests.helpers.places import ROOT
from tests.helpers.plugin_files import plugin

ONE = ("run", *TINY, "--baselines", "pixels", "--device", "cpu")


def test_the_main_job_on_a_tiny_budget(bench, tmp_path: Path):
    words = (
        *words_of("run --ways 3 --shots 1,3,5"),
        *TINY,
        *words_of("--budget 64 --out"),
        tmp_path,
        "--device",
        "cpu",
    )
    status, out, err = bench(*words)
    assert status == 0, err
    for text in (
        "scl_amp",
        "siamese",
        "protonet",
        "resnet",
        "pixels",
        "untrained",
        "1-shot",
        "5-shot",
        "synthetic",
    ):
        assert text in out
    board = pd.read_csv(tmp_path / "leaderboard.csv")
    assert len(board) == 8 * 3
    assert {"rank", "baseline", "encoder", "weights", "preset", "dataset", "protocol", "ways", "shots", "queries", "episodes", "seeds", "accuracy", "ci95_low", "ci95_high", "ci95_kind", "images_passed", "parameters", "episodes_digest", "dataset_digest"} <= set(board.columns)  # fmt: skip
    assert not any("second" in name for name in board.columns)
    assert {"seconds_train", "seconds_embed", "seconds_score"} <= set(
        pd.read_csv(tmp_path / "timings.csv").columns
    )
    before = (tmp_path / "leaderboard.csv").read_bytes()
    assert bench(*words)[0] == 0
    assert bench("leaderboard", "--out", tmp_path)[0] == 0
    assert (tmp_path / "leaderboard.csv").read_bytes() == before


def test_list(bench):
    status, out, _ = bench("list")
    assert status == 0
    for text in ("scl_amp", "2024", "steel-sim", "neu-heldout", "folder", "torchvision", "local"):
        assert text in out
    status, out, _ = bench("list", "scl_amp")
    for text in (
        "Phuong",
        "answers by mean_cosine",
        "margin",
        "--preset quick: encoder efficientnet_lite0",
    ):
        assert text in out
    status, out, _ = bench("list", "rules", "--json")
    assert {row["kind"] for row in json.loads(out)} == {"rule"}
    status, _, err = bench("list", "sclamp")
    assert (status, err.count("\n")) == (2, 1)
    assert "did you mean 'scl_amp'" in err
    status, out, _ = bench("list", "--csv")
    assert "temperature" in pd.read_csv(io.StringIO(out)).set_index("name")["settings"]["scl_amp"]


def test_list_shows_a_broken_file_with_its_reason_and_the_rest(
    bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "baselines").mkdir()
    (tmp_path / "baselines" / "broken.py").write_text("import nothing_of_this_name\n")
    (tmp_path / "baselines" / "empty.py").write_text("")
    code = "from fewshot_bench.cli.main import main; main()"
    found = subprocess.run(
        [sys.executable, "-c", code, "list"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"FEWSHOT_BENCH_PATH": str(tmp_path)},
    )
    assert found.returncode == 0, found.stderr
    assert (
        "broken.py cannot be imported: ModuleNotFoundError: No module named 'nothing_of_this_name'"
        in found.stdout
    )
    assert "empty.py defines 0 public Baseline classes" in found.stdout
    assert "scl_amp" in found.stdout


@pytest.mark.slow
def test_a_baseline_of_a_folder_on_the_path_runs_and_a_taken_name_does_not(tmp_path: Path):
    (tmp_path / "baselines").mkdir()
    own = (ROOT / "baselines" / "pixels.py").read_text()
    (tmp_path / "baselines" / "thumbnails.py").write_text(own)
    (tmp_path / "plain").mkdir()

    def run(name: str) -> subprocess.CompletedProcess[str]:
        words = [
            "-m",
            "fewshot_bench",
            "run",
            *TINY,
            "--baselines",
            name,
            "--out",
            str(tmp_path / "out"),
        ]
        environment = os.environ | {"FEWSHOT_BENCH_PATH": str(tmp_path)}
        return subprocess.run(
            [sys.executable, *words], capture_output=True, text=True, cwd=ROOT, env=environment
        )

    found = run("thumbnails")
    assert found.returncode == 0, found.stderr
    (tmp_path / "baselines" / "pixels.py").write_text(own)
    clash = run("pixels")
    assert clash.returncode == 2
    assert (
        f"is claimed by {ROOT / 'baselines' / 'pixels.py'} and by {tmp_path / 'baselines' / 'pixels.py'}"
        in clash.stderr
    )
    assert clash.stderr.count("\n") == 1


def test_data(bench, tmp_path: Path):
    status, out, _ = bench("data", "--dataset", "steel-sim")
    assert status == 0
    assert "600 images of 128 x 128 pixels, grey" in out
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i in range(3):
            Image.fromarray(np.full((8, 8 + i), 10 * i, dtype=np.uint8)).save(
                tmp_path / name / f"{i}.png"
            )
    for name in ("4", "6"):
        Image.fromarray(np.full((8, 8), 77, dtype=np.uint8)).save(tmp_path / "a" / f"{name}.png")
    Image.fromarray(np.full((8, 8), 78, dtype=np.uint8)).save(tmp_path / "b" / "5.png")
    status, out, _ = bench("data", tmp_path)
    assert status == 0
    assert "folder: 2 images of 8 x 8 pixels" in out
    assert "byte-identical copies: 1 left out (a/6.png is a/4.png)" in out
    assert "contradictions: 3 pictures lie in two classes or more; all 6 files left out" in out
    assert "a/0.png (a) is b/0.png (b); a/1.png (a) is b/1.png (b)" in out
    assert "3 sizes of image" in out


def test_episodes_are_written_and_replayed(bench, tmp_path: Path):
    file = tmp_path / "episodes.npz"
    status, out, _ = bench(
        "episodes",
        file,
        "--shots",
        "1,2",
        *FEW,
    )
    assert status == 0
    assert "Written" in out
    status, _, err = bench(
        "run", "--episodes-file", file, "--baselines", "pixels", "--out", tmp_path / "out"
    )
    assert status == 0, err
    board = pd.read_csv(tmp_path / "out" / "leaderboard.csv")
    assert board["shots"].tolist() == [1, 2]
    assert board["episodes"].tolist() == [40, 40]


def test_your_own_images_by_folder(bench, tmp_path: Path):
    rng = np.random.default_rng(0)
    for label, name in enumerate(("dents, old", "b", "c c", "d")):
        (tmp_path / "own" / name).mkdir(parents=True)
        for i in range(12):
            pixels = np.clip(rng.normal(60 + 40 * label, 9, (32, 32)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "own" / name / f"{i}.png")
    own = (
        *words_of("run --dataset folder --data"),
        tmp_path / "own",
        *words_of("--baselines untrained --out"),
        tmp_path / "out",
    )
    status, _, err = bench(
        *own, "--test-classes", "b,c c", "--ways", "2", "--queries", "all", "--episodes", "50"
    )
    assert status == 0, err
    board = pd.read_csv(tmp_path / "out" / "leaderboard.csv")
    assert board["train_classes"].unique().tolist() == ["d | dents, old"]
    assert "folder has no default split" in bench(*own)[2]


def neu_zip(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("Cr", "In", "Pa", "PS", "RS"):
            archive.writestr(f"{name}_1.bmp", b"")
    return path


MISTAKES = {
    "more ways than classes": (("--ways", "4"), "ways=4 is more than the 3 test classes"),
    "one way": (("--ways", "1"), "ways=1 is out of bounds"),
    "too many shots": (
        ("--shots", "18"),
        "18 shots and 5 queries need 23 images, but class 'Crazing' has 20",
    ),
    "too many queries": (("--queries", "20"), "but class 'Crazing' has 20"),
    "class in train and test": (
        ("--train-classes", "Pa,In", "--test-classes", "Cr,Sc,In"),
        "'Inclusion' is in both",
    ),
    "unknown class": (("--test-classes", "Cr,Sc,Pitted"), "did you mean 'Pitted_Surface'"),
    "class named twice": (("--test-classes", "Cr,Crazing"), "is named twice"),
    "unknown baseline": (("--baselines", "protonets"), "did you mean 'protonet'"),
    "unknown data set": (("--dataset", "neus"), "did you mean 'neu'"),
    "unknown encoder": (
        ("--baselines", "resnet", "--encoder", "resnet5"),
        "did you mean 'resnet50'",
    ),
    "unknown weights": (
        ("--baselines", "resnet", "--weights", "imagenets"),
        "unknown weights of resnet18 'imagenets'",
    ),
    "unknown setting": (
        ("--baselines", "scl_amp", "--set", "scl_amp.margins=1"),
        "did you mean 'margin'",
    ),
    "unknown owner of a setting": (
        ("--set", "sclamp.margin=1"),
        "unknown owner of a setting 'sclamp'",
    ),
    "setting without owner": (("--set", "margin=1"), "write --set BASELINE.SETTING=VALUE"),
    "setting without value": (("--set", "scl_amp.margin"), "has no value"),
    "setting that is no number": (
        ("--baselines", "scl_amp", "--set", "scl_amp.margin=wide"),
        "(allowed: a number)",
    ),
    "setting out of bounds": (
        ("--baselines", "scl_amp", "--set", "scl_amp.margin=9"),
        "margin=9.0 is out of bounds",
    ),
    "setting that is no choice": (
        ("--baselines", "scl_amp", "--set", "scl_amp.reference_vector=x"),
        "allowed: feature, embedding",
    ),
    "setting of a baseline that is not run": (
        ("--set", "resnet.crop=1"),
        "is for resnet, which is not in this run",
    ),
    "setting of another data set": (
        ("--set", "neu.side=9"),
        "is for neu, which is not in this run",
    ),
    "encoder that nothing takes": (
        ("--encoder", "resnet34"),
        "--encoder resnet34 is for baselines that use an encoder, and pixels does not",
    ),
    "budget that nothing takes": (
        ("--budget", "9"),
        "--budget 9 is for baselines that train, and pixels does not; leave it out",
    ),
    "splits and train classes": (
        ("--splits", "all", "--train-classes", "Pa"),
        "leave --train-classes out",
    ),
    "unknown preset": (("--preset", "fast"), "unknown preset 'fast'"),
    "unknown device": (("--device", "tpu"), "allowed: auto, cpu, cuda"),
    "no shots": (("--shots", "0"), "0 shots leave no references"),
    "empty shot": (("--shots", "1,,3"), "has an empty entry"),
    "shot that is no number": (
        ("--shots", "a"),
        "--shots 'a' cannot be read (allowed: a whole number)",
    ),
    "shot twice": (("--shots", "1,1"), "different numbers"),
    "queries that are no number": (("--queries", "most"), "a whole number, or all"),
    "no queries": (("--queries", "0"), "queries=0 is out of bounds"),
    "no episodes": (("--episodes", "0"), "episodes=0 is out of bounds"),
    "negative seed": (("--episode-seed", "-1"), "episode_seed=-1 is out of bounds"),
    "no seeds": (("--seeds", "0"), "seeds=0 is out of bounds"),
    "budget of nothing": (("--baselines", "resnet", "--budget", "0"), "passes=0 is out of bounds"),
    "missing path": (("--dataset", "neu", "--data", "nowhere.zip"), "nowhere.zip does not exist"),
    "no path": (("--dataset", "neu"), "neu needs its data"),
    "path for generated data": (
        ("--dataset", "steel-sim", "--data", "."),
        "steel-sim is generated",
    ),
    "two paths": (
        ("--dataset", "neu", "--data", "a.zip", "--data", "b.zip"),
        "--data is given twice (a.zip and b.zip); leave one out",
    ),
    "test classes twice": (
        ("--test-classes", "Cr", "--test-classes", "Sc"),
        "--test-classes is given twice (Cr and Sc)",
    ),
    "missing plug-in": (("--plugin", "nowhere.py"), "nowhere.py is not a file"),
    "missing episodes": (
        ("--episodes-file", "nowhere.npz"),
        "--episodes-file nowhere.npz settles the protocol; leave --queries out",
    ),
    "unknown option": (("--shot", "1"), "No such option"),
    "option without value": (("--shots",), "--shots"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gets_one_line_and_status_2(
    bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mistake: str
):
    monkeypatch.delenv("FEWSHOT_BENCH_DATA", raising=False)
    words, expected = MISTAKES[mistake]
    start = ("run", "--baselines", "pixels") if "--dataset" in words else ONE
    status, out, err = bench(*start, "--out", tmp_path / "out", *words)
    assert status == 2, out + err
    assert expected in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert not list((tmp_path / "out").rglob("*.csv")) if (tmp_path / "out").exists() else True


def test_mistakes_in_files_get_one_line_and_status_2(bench, tmp_path: Path):
    (tmp_path / "text.npz").write_text("no array")
    (tmp_path / "empty").mkdir()
    (tmp_path / "own.py").write_text("x = 1\n")
    (tmp_path / "broken.py").write_text("x = \n")
    free = ("run", "--baselines", "pixels", "--out", tmp_path / "out")
    for words, expected in [
        ((*free, "--episodes-file", tmp_path / "text.npz"), "is not a file of episodes"),
        ((*free, "--episodes-file", tmp_path / "nowhere.npz"), "is not a file of episodes"),
        (
            (*free, "--dataset", "neu", "--data", neu_zip(tmp_path / "neu.zip")),
            "Crazing has 1 images (expected 300)",
        ),
        (
            (*free, "--dataset", "folder", "--data", tmp_path / "empty"),
            "holds no image in a class folder",
        ),
        (
            (*free, "--plugin", tmp_path / "own.py"),
            "defines no public subclass of Baseline, DataSet, Rule,",
        ),
        ((*free, "--plugin", tmp_path / "broken.py"), "broken.py cannot be imported: SyntaxError"),
        ((*ONE, "--out", tmp_path / "text.npz"), "cannot be written"),
        ((*ONE, "--out", tmp_path / "text.npz" / "below"), "cannot be written"),
        (("leaderboard", "--out", tmp_path / "nowhere"), "does not exist"),
        (("leaderboard", "--out", tmp_path / "empty"), "holds no record"),
        (("data", tmp_path / "text.npz"), "neither a folder nor a whole zip"),
        (("episodes", tmp_path / "own.py" / "x.npz"), "cannot be written"),
        (("nonsense",), "nonsense"),
    ]:
        status, out, err = bench(*words)
        assert (status, err.count("\n")) == (2, 1), (words, out, err)
        assert expected in err


def test_a_failing_cell_gives_status_1_and_keeps_the_rest(bench, tmp_path: Path):
    status, out, _ = bench(
        *ONE[:-4],
        "--plugin",
        plugin("fails"),
        *words_of("--baselines fails,pixels --out"),
        tmp_path / "out",
    )
    assert status == 1
    assert "failed: RuntimeError: out of luck" in out
    assert "pixels, 1-shot: 3" in out


@pytest.mark.parametrize(
    "command", [(), ("run",), ("list",), ("episodes",), ("leaderboard",), ("data",)]
)
def test_help_has_worked_examples(bench, command: tuple[str, ...]):
    status, out, _ = bench(*command, "--help")
    assert status == 0
    assert not command or "Examples: bench" in " ".join(out.split())


def test_help_imports_neither_torch_nor_pandas():
    code = "import sys\nfrom fewshot_bench.cli.main import main\nsys.argv = ['bench', 'run', '--help']\ntry:\n    main()\nexcept SystemExit:\n    pass\nassert not {'torch', 'pandas', 'numpy', 'scipy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=ROOT)


def test_an_encoder_is_chosen_for_all_that_have_one(bench, tmp_path: Path):
    words = (
        "run",
        *TINY,
        *words_of("--shots 1 --budget 64 --baselines resnet,untrained --device cpu"),
    )
    status, _, err = bench(
        *words, "--encoder", "timm:test_resnet", "--image-size", "48", "--out", tmp_path / "out"
    )
    assert status == 0, err
    table = api.leaderboard(tmp_path / "out")
    assert set(table["encoder"]) == {"timm:test_resnet"}
    assert set(table["image_size"]) == {48}
    status, _, err = bench(*words, "--encoder", "inception_v3", "--out", tmp_path / "out")
    assert status == 2
    assert "image_size=64 is not taken by inception_v3" in err
    status, _, err = bench(
        "run", *TINY, "--baselines", "pixels", "--freeze", "--out", tmp_path / "out"
    )
    assert (status, err.count("\n")) == (2, 1)
    assert "--freeze is for baselines that train an encoder, and pixels does not" in err
