"""Scoring against episodes, test images and ways: seconds, and memory beyond the embeddings, each in a process of its own."""

import json
import subprocess
import sys

import pytest

FEATURES = 512
CASES = [  # episodes, test images, classes, ways, queries
    (1_000, 900, 3, 3, 15),
    (10_000, 900, 3, 3, 15),
    (100_000, 900, 3, 3, 15),
    (1_000_000, 900, 3, 3, 15),
    (2_000, 900, 3, 3, None),
    (2_000, 8_000, 8, 3, 15),
    (2_000, 38_015, 38, 2, 15),
    (2_000, 38_015, 38, 38, 15),
    (100, 38_015, 38, 38, None),
]
CHILD = """
import json, sys, time
from types import SimpleNamespace
import numpy as np, torch
from pathlib import Path
from fewshot_bench.engine.features import Features
from fewshot_bench.engine.fitted_baseline import FittedBaseline
from fewshot_bench.engine.predict import Predictor
from fewshot_bench.engine.progress import StageReporter
from fewshot_bench.records.paths import ResultPaths
from fewshot_bench.data.labelled import group_by_class
from fewshot_bench.plugins.baselines.pixels import Pixels
from fewshot_bench.protocols.protocol import FewShot
from fewshot_bench.planning.episode_sets import episode_sets
from fewshot_bench.planning.rule_choice import RuleChoice
from fewshot_bench.registry.registry import Registry

episodes, images, classes, ways, queries = json.loads(sys.argv[1])
names = [f"class {i}" for i in range(classes)]
pixels = np.arange(images, dtype="<u4").view(np.uint8).reshape(images, 1, 2, 2)  # all different
data = group_by_class("scale", pixels, (np.arange(images) * classes // images).tolist(), names, [""] * images)
protocol = FewShot(name="scale", dataset="scale", train_classes=(names[0],), test_classes=tuple(names), ways=ways,
                    shots=(5,), queries=queries, episodes=episodes)
(question,) = episode_sets(protocol, data)
training = SimpleNamespace(baseline_class=Pixels, key="scale", features_key="scale", has_fixed_features=False, seed=0, split=question.split)
plugin = Registry().rule("mean_cosine")
choice = RuleChoice(plugin, "mean_cosine", True, plugin.load().settings_type())
report = StageReporter("scale", "", "", lambda progress: None)
fitted = FittedBaseline(data, training, torch.device("cpu"), ResultPaths(Path("nowhere")), report)
features = Features(fitted)
generator = torch.Generator().manual_seed(0)
centres = torch.randn(classes, FEATURES, generator=generator)
features.embeddings_MD = 0.15 * centres[torch.from_numpy(data.labels)] + torch.randn(images, FEATURES, generator=generator)
def mebibytes(name):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(name))
with open("/proc/self/clear_refs", "w") as peak:
    peak.write("5")  # the peak starts anew
before, start = mebibytes("VmRSS"), time.perf_counter()
predicted = Predictor(fitted, features, question, choice).answered().predicted_TA
seconds = time.perf_counter() - start
assert len(predicted) == episodes and (predicted[predicted != 255] < classes).all()
print(json.dumps([seconds, mebibytes("VmHWM") - before]))
"""


@pytest.mark.parametrize("case", CASES, ids=str)
def test_scale(case, table):
    code = CHILD.replace("FEATURES", str(FEATURES))
    runs = [subprocess.run([sys.executable, "-c", code, json.dumps(case)], capture_output=True, text=True, check=True)
            for _ in range(3)]  # fmt: skip
    seconds, memory = sorted(json.loads(run.stdout) for run in runs)[1]
    episodes, images, _, ways, queries = case
    asked = f"{queries or 'all'} queries a class"
    what = f"scoring {episodes:,} episodes, {ways}-way 5-shot, {asked}, {images:,} test images, D = {FEATURES}"
    table.add(what, f"{seconds:.2f} s, {memory:.0f} MiB beyond the embeddings", "", "< 1,024 MiB")
