"""The contract: who keeps it passes, and each way of breaking it is named."""

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from fewshot_bench import api
from fewshot_bench.baseline import Baseline
from fewshot_bench.contract.checks import CHECKS, examine
from fewshot_bench.contract.subject import Subject
from fewshot_bench.errors import UserError
from fewshot_bench.registry.registry import Registry
from tests.helpers.command_line import TINY
from tests.helpers.places import ROOT
from tests.helpers.plugin_files import CAPABILITIES, EMBED, FAMILY, plugin

BREACHES = {
    "support order": "    def classify(self, support, query):\n        return -torch.cdist(query, support[:, 0])\n",
    "way order": "    def classify(self, support, query):\n        scores = -torch.cdist(query, support.mean(1))\n"
    "        return scores + 20.0 * torch.arange(len(support))\n",
    "no memory": "    seen = 0.0\n    def classify(self, support, query):\n        self.seen = self.seen + 9.0\n"
    "        return -torch.cdist(query, support.mean(1)) * self.seen\n",
    "queries alone": "    def classify(self, support, query):\n"
    "        return -torch.cdist(query - query.mean(0), support.mean(1) - support.mean((0, 1)))\n",
    "same seed, same bits": "    def fit(self, train, *, context):\n        import os\n        self.scale = 1.0 + os.urandom(1)[0] + os.urandom(1)[0]\n"
    "    def classify(self, support, query):\n        return -torch.cdist(query, support.mean(1)) * self.scale\n",
    "state and load": "    scale = 1.0\n    def fit(self, train, *, context):\n        self.scale = 2.0\n"
    "    def classify(self, support, query):\n        return -torch.cdist(query, support.mean(1)) * self.scale\n",
    "picklable": "    def fit(self, train, *, context):\n        self.f = lambda: 0\n"
    "    def classify(self, support, query):\n        return -torch.cdist(query, support.mean(1))\n",
    "leaves no trace": "    def classify(self, support, query):\n        return -torch.cdist(query, support.mean(1))\n"
    "    def embed(self, images):\n        images //= 2\n        return images.float().flatten(1)[:, ::7] / 255\n",
    "shapes and ranges": "    def classify(self, support, query):\n        return torch.full((len(query), len(support)), float('nan'))\n",
    "ways and shots": "    def classify(self, support, query):\n        return -torch.cdist(query, support.mean(1))[:, :3]\n",
    "chance on noise": "    def classify(self, support, query):\n        n = len(support)\n        return torch.eye(n)[torch.arange(len(query)) * n // len(query)]\n",
    "tells patterns apart": "    def classify(self, support, query):\n        return torch.cdist(query, support.mean(1))\n",
    "global random state: answering sets torch's generator": "    def classify(self, support, query):\n        torch.manual_seed(0)\n"
    "        return -torch.cdist(query, support.mean(1))\n",
    "global random state: fit sets Python's generator": "    def fit(self, train, *, context):\n        import random\n        random.seed(0)\n",
    "leaves no trace: a network in training mode": "    def fit(self, train, *, context):\n        self.norm = torch.nn.BatchNorm1d(3)\n",
    "way order: slots": "    def classify(self, support, query):\n        scores = -torch.cdist(query, support.mean(1))\n"
    "        scores[:, 5:] = scores.min() - 1\n        return scores\n",
    "tells patterns apart: slots": "    card = Card(title='Slots', paper='a test', label_equivariant=False)\n"
    "    def classify(self, support, query):\n        scores = -torch.cdist(query, support.mean(1))\n"
    "        scores[:, 5:] = scores.min() - 1\n        return scores\n",
    "support order: behind an offset": "    def classify(self, support, query):\n        return 1e4 - torch.cdist(query, support[:, 0])\n",
    "queries alone: behind an offset": "    def classify(self, support, query):\n"
    "        return 1e4 - torch.cdist(query - query.mean(0), support.mean(1) - support.mean((0, 1)))\n",
    "leaves no trace: a tensor beside its modules": "    mean = None\n    def embed(self, images):\n        features = images.float().flatten(1)[:, ::7] / 255\n"
    "        self.mean = features.mean(0) if self.mean is None else 0.9 * self.mean + 0.1 * features.mean(0)\n"
    "        return features - self.mean\n",
    "leaves no trace: a buffer that is not saved": "    def fit(self, train, *, context):\n        self.part = torch.nn.Module().eval()\n"
    "        self.part.register_buffer('count', torch.zeros(1), persistent=False)\n"
    "    def classify(self, support, query):\n        self.part.count += 1\n        return -torch.cdist(query, support.mean(1))\n",
    "leaves no trace: features it is handed": "    def classify(self, support, query):\n        query /= query.norm(dim=1, keepdim=True)\n"
    "        return query @ support.mean(1).T\n",
    "no memory: of the first episode": "    centre = None\n    def classify(self, support, query):\n"
    "        self.centre = support.mean((0, 1)) if self.centre is None else self.centre\n"
    "        unit = torch.nn.functional.normalize\n"
    "        return unit(query - self.centre, dim=1) @ unit(support.mean(1) - self.centre, dim=1).T\n",
    "no memory: by the name of a tensor": "    kept = {}\n    def classify(self, support, query):\n"
    "        return -torch.cdist(query, self.kept.setdefault(id(support), support.mean(1)))\n",
    "shapes and ranges: arrays": "    def classify(self, support, query):\n        return (-torch.cdist(query, support.mean(1))).numpy()\n",
    "shapes and ranges: whole numbers": "    def embed(self, images):\n        return images.flatten(1).int()\n",
    "shapes and ranges: no answer": "    def classify(self, support, query):\n        from fewshot_bench import NotApplicable\n"
    "        raise NotApplicable('never')\n",
    "shapes and ranges: leaving": "    def classify(self, support, query):\n        raise SystemExit\n",
    "state and load: no tensor": "    def state(self):\n        return {'scale': 2.0}\n",
    "state and load: one tensor twice": "    def fit(self, train, *, context):\n        self.one = torch.ones(3)\n"
    "    def state(self):\n        return {'a': self.one, 'b': self.one}\n",
    "learns": "    def fit(self, train, *, context):\n        context.progress(1, float('nan'))\n",
}


def found(path: Path) -> dict[str, str]:
    return dict(api.check([str(path)])[["check", "status"]].itertuples(index=False))


@pytest.mark.parametrize("name", CAPABILITIES)
def test_a_sound_method_keeps_it(tmp_path: Path, name: str):
    assert found(plugin(tmp_path, f"sound_{name}", CAPABILITIES[name])) == dict.fromkeys(
        CHECKS, "ok"
    )


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_is_named(tmp_path: Path, breach: str):
    """And told: what was expected, what came, and in a sentence why it matters or what to do."""
    body = (
        BREACHES[breach]
        if "def classify" in BREACHES[breach]
        else CAPABILITIES["classify"] + BREACHES[breach]
    )
    path = plugin(tmp_path, "breach_" + "".join(filter(str.isalpha, breach)), EMBED + body)
    rows = api.check([str(path)]).set_index("check").loc[[breach.partition(":")[0]]]
    assert rows["status"].tolist() == ["broken"]
    assert re.fullmatch(r"expected [^;]+; .+\. [A-Z].+[.?]", rows["told"].item()), rows[
        "told"
    ].item()


def test_what_a_method_raises_is_told_with_its_place(tmp_path: Path):
    path = plugin(
        tmp_path,
        "raising",
        EMBED + "    def classify(self, support, query):\n        return support @ query\n",
    )
    told = api.check([str(path)]).set_index("check").loc["shapes and ranges", "told"]
    assert re.match(
        r"expected an answer; came RuntimeError: .* \(raising.py, line 9\)\. An error", told
    ), told


def test_a_generator_set_by_the_seed_of_the_training_is_no_breach(tmp_path: Path):
    body = "    def fit(self, train, *, context):\n        torch.manual_seed(context.seed)\n"
    assert found(plugin(tmp_path, "seeded", CAPABILITIES["rule"] + body)) == dict.fromkeys(
        CHECKS, "ok"
    )


REGISTERED = [plugin.name for plugin in Registry().every_baseline()]


@pytest.fixture(scope="module")
def shared_trainings() -> Iterator[None]:
    """Methods that take over another's training get it here as in a run: from its checkpoint, made once."""
    fit = Subject.fit

    @functools.cache
    def taught(teacher: type[Baseline], seed: int, passes: int) -> dict[str, torch.Tensor]:
        return dict(fit(Subject(teacher), seed, passes).state())

    def fit_or_load(subject: Subject, seed: int, passes: int) -> Baseline:
        if subject.kind.taught_by is None:
            return fit(subject, seed, passes)
        baseline = subject.kind(subject.settings(passes))
        learned = taught(Registry().baseline(subject.kind.taught_by).load(), seed, passes)
        baseline.load(
            {name: value.clone() for name, value in learned.items()}, context=subject.context(seed)
        )
        return baseline

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Subject, "fit", fit_or_load)
        yield


@pytest.mark.usefixtures("shared_trainings")
@pytest.mark.parametrize("name", REGISTERED)
def test_every_registered_baseline_keeps_it(name: str, published: dict[str, torch.Tensor]):
    try:
        kind = Registry().baseline(name).load()
    except UserError as missing:
        pytest.skip(str(missing))
    rows = {finding.check: finding for finding in examine(kind)}
    assert list(rows) == list(CHECKS)
    unchecked = {"queries alone"} if kind.card.transductive else set()
    unchecked |= set() if kind.card.label_equivariant else {"way order"}
    for check, finding in rows.items():
        assert finding.status == ("not checked" if check in unchecked else "ok"), (
            f"{check}: {finding.told}"
        )


def test_what_the_card_says_is_not_held_against_it(tmp_path: Path):
    card = "    card = Card(title='Open', paper='a test', transductive=True, label_equivariant=False)\n"
    rows = found(plugin(tmp_path, "open_card", card + EMBED + BREACHES["queries alone"]))
    assert {rows["queries alone"], rows["way order"]} == {"not checked"}


def test_bench_check_tells_what_was_expected_and_ends_with_status_1(bench, tmp_path: Path):
    path = plugin(tmp_path, "backwards", EMBED + BREACHES["tells patterns apart"])
    status, out, _ = bench("check", path, "pixels")
    assert status == 1
    assert "pixels: 15 checks passed" in out
    assert "backwards: 1 broken, 14 checks passed" in out
    assert "broken: tells patterns apart: expected at least 80 %" in out
    assert bench("check", "pixels")[0] == 0
    assert bench("check", "no_such_method")[0] == 2


def test_weights_that_cannot_be_had_are_no_breach(monkeypatch: pytest.MonkeyPatch):
    def offline(*args: object, **options: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("torch.hub.load_state_dict_from_url", offline)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", offline)
    rows = api.check(["frozen"]).set_index("check")
    assert rows.loc["learns", "status"] == "not checked"
    assert "fetch them with: curl" in rows.loc["learns", "told"]


def test_what_follows_from_a_broken_answer_is_not_told_too(bench, tmp_path: Path):
    path = plugin(tmp_path, "empty", EMBED + BREACHES["shapes and ranges"])
    status, out, _ = bench("check", path)
    assert status == 1
    assert out.splitlines()[0] == "empty: 1 broken, 12 not checked, 2 checks passed"
    assert len(out.splitlines()) == 3
    assert "mend 'shapes and ranges' first" in out.splitlines()[2]


def test_every_variant_of_a_family_is_checked_by_its_file(tmp_path: Path):
    rows = api.check(str(plugin(tmp_path, "family_checked", FAMILY)))
    assert rows["baseline"].unique().tolist() == ["family_checked:half", "family_checked:whole"]
    assert set(rows["status"]) == {"ok"}


def test_what_is_no_baseline_cannot_be_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "method.ipynb").touch()
    with pytest.raises(
        UserError, match=r"method.ipynb is no Python file; name one that ends in .py, or a baseline"
    ):
        api.check(["method.ipynb"])
    path = tmp_path / "grey.py"
    path.write_text(
        (ROOT / "tests" / "extension" / "fewshot_extension" / "grey_steps.py").read_text()
    )
    with pytest.raises(UserError, match=r"grey.py defines a data set"):
        api.check([str(path)])


def test_what_a_method_prints_is_kept_out_of_the_rows(bench, tmp_path: Path):
    path = plugin(
        tmp_path,
        "talking",
        CAPABILITIES["rule"] + "    def fit(self, train, *, context):\n        print('hello')\n",
    )
    status, out, err = bench("check", path, "--json")
    assert status == 0
    assert len(json.loads(out)) == len(CHECKS)
    assert "hello" in err
    status, out, err = bench(
        "run",
        *TINY,
        "--plugin",
        path,
        "--baselines",
        "talking",
        "--shots",
        "1",
        "--json",
        "--out",
        tmp_path / "out",
    )
    assert [row["baseline"] for row in json.loads(out)] == ["talking"]
    assert "hello" in err
