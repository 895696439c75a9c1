"""The contract: who keeps it passes, and each way of breaking it is named."""

import re
from pathlib import Path

import pytest
import torch

from fewshot_bench import api
from fewshot_bench.contract import CHECKS, examine
from fewshot_bench.errors import UserError
from fewshot_bench.registry import Registry

from .test_runner import CAPABILITIES, EMBED, plugin

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
    "leaves no trace: answering sets torch's generator": "    def classify(self, support, query):\n        torch.manual_seed(0)\n"
    "        return -torch.cdist(query, support.mean(1))\n",
    "leaves no trace: fit sets Python's generator": "    def fit(self, train, *, context):\n        import random\n        random.seed(0)\n",
    "leaves no trace: a network in training mode": "    def fit(self, train, *, context):\n        self.norm = torch.nn.BatchNorm1d(3)\n",
    "way order: slots": "    def classify(self, support, query):\n        scores = -torch.cdist(query, support.mean(1))\n"
    "        scores[:, 5:] = scores.min() - 1\n        return scores\n",
    "learns": "    def fit(self, train, *, context):\n        context.progress(1, float('nan'))\n",
}


def found(path: Path) -> dict[str, str]:
    return dict(api.check([str(path)])[["check", "status"]].itertuples(index=False))


@pytest.mark.parametrize("name", CAPABILITIES)
def test_a_sound_method_keeps_it(tmp_path: Path, name: str):
    assert found(plugin(tmp_path, f"sound_{name}", CAPABILITIES[name])) == dict.fromkeys(CHECKS, "ok")


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_is_named(tmp_path: Path, breach: str):
    """And told: what was expected, what came, and in a sentence why it matters or what to do."""
    body = BREACHES[breach] if "def classify" in BREACHES[breach] else CAPABILITIES["classify"] + BREACHES[breach]
    path = plugin(tmp_path, "breach_" + "".join(filter(str.isalpha, breach)), EMBED + body)
    rows = api.check([str(path)]).set_index("check").loc[[breach.partition(":")[0]]]
    assert rows["status"].tolist() == ["broken"]
    assert re.fullmatch(r"expected [^;]+; .+\. [A-Z].+\.", rows["told"].item()), rows["told"].item()


def test_what_a_method_raises_is_told_with_its_place(tmp_path: Path):
    path = plugin(tmp_path, "raising", EMBED + "    def classify(self, support, query):\n        return support @ query\n")
    told = api.check([str(path)]).set_index("check").loc["picklable", "told"]
    assert re.match(r"expected an answer; came RuntimeError: .* \(raising.py, line 9\)\. An error", told), told


def test_a_generator_set_by_the_seed_of_the_training_is_no_breach(tmp_path: Path):
    body = "    def fit(self, train, *, context):\n        torch.manual_seed(context.seed)\n"
    assert found(plugin(tmp_path, "seeded", CAPABILITIES["rule"] + body)) == dict.fromkeys(CHECKS, "ok")


REGISTERED = [plugin.name for plugin in Registry().every_baseline()]


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
        assert finding.status == ("not checked" if check in unchecked else "ok"), f"{check}: {finding.told}"


def test_what_the_card_says_is_not_held_against_it(tmp_path: Path):
    card = "    card = Card(title='Open', paper='a test', transductive=True, label_equivariant=False)\n"
    rows = found(plugin(tmp_path, "open_card", card + EMBED + BREACHES["queries alone"]))
    assert {rows["queries alone"], rows["way order"]} == {"not checked"}


def test_bench_check_tells_what_was_expected_and_ends_with_status_1(bench, tmp_path: Path):
    path = plugin(tmp_path, "backwards", EMBED + BREACHES["tells patterns apart"])
    status, out, _ = bench("check", path, "pixels")
    assert status == 1
    assert "pixels: 14 checks passed" in out
    assert "backwards: 1 broken, 13 checks passed" in out
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
