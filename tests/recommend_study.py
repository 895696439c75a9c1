"""How far the promise of `bench recommend` is from what a new class then does.

    uv run python -m tests.recommend_study xsdd X-SDD.zip --out runs/study
    uv run python -m tests.recommend_study neu NEU-CLS.zip --out runs/study

For each class of the data set: a recommendation on the other classes alone, from a folder of their pictures, as a user has it.
Then the class comes as a new one: all pictures of the others are references of known classes (by their mean, as in the
promise), `SHOTS` pictures of the new class are drawn, and the recommended method is asked about all its other pictures, with
the known classes as candidates. That is done with `DRAWS` draws. The truth is the mean over them; "single draws" is the share
of draws whose own accuracy lies in the interval.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table

from fewshot_bench import Request, data, recommend
from fewshot_bench.advice.recommendation import Recommendation
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.deploy.method import Method
from fewshot_bench.engine.features import Features
from fewshot_bench.engine.rule_features import RuleFeatures
from fewshot_bench.engine.work import fitted_baseline
from fewshot_bench.planning.plan import make_plan
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.registry.registry import Registry

SHOTS = (1, 3, 5)
DRAWS = 200
EPISODES = 200  # of the recommendation, for each split and shot value
HEADS = (
    "new class",
    "recommended",
    "shots",
    "promised",
    "interval",
    "then",
    "off",
    "holds",
    "single draws",
)


def known_folder(images: LabelledImages, new: str, place: Path) -> Path:
    """The pictures of all classes but `new`, in a folder each."""
    for name in images.class_names:
        if name == new:
            continue
        folder = place / name
        folder.mkdir(parents=True, exist_ok=True)
        for number in images.indices([name]):
            pixels = images.images[number]
            plane = pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)
            Image.fromarray(np.ascontiguousarray(plane)).save(folder / f"{number}.png")
    return place


def accuracies(
    request: Request, method: Method, new: str, shots: int, results: ResultsFolder
) -> npt.NDArray[np.float64]:
    """The accuracy on the new class with each draw of `shots` pictures of it."""
    names = data(request).class_names
    rule = method.rule
    asked = Request(
        dataset=request.dataset,
        data=request.data,
        test_classes=names[:2],
        ways=2,
        baselines=(method.baseline,),
        rules=(rule,),
        settings=method.settings,
    )
    plan = make_plan(asked, Registry())
    cell = plan.cells[0]
    fitted = fitted_baseline(plan, cell, results, lambda progress: None)
    features_MD = Features(fitted)._all_MD
    labels_M = torch.from_numpy(plan.data.labels.astype(np.int64))
    label = names.index(new)
    is_new_M = labels_M == label
    others = [number for number in range(len(names)) if number != label]
    made = RuleFeatures(
        cell.rule, features_MD[is_new_M], features_MD[~is_new_M], labels_M[~is_new_M], others
    )
    size = int(is_new_M.sum())
    of_new_MD = made.transformed_MD[:size]
    known_CKD = made.transformed_MD[size:, None].expand(-1, shots, -1)
    rng = np.random.default_rng(0)
    found = []
    for _ in range(DRAWS):
        order = torch.from_numpy(rng.permutation(size))
        support_1KD = of_new_MD[order[:shots]][None]
        queries_QD = of_new_MD[order[shots:]]
        scores_QN = made.rule.scores(torch.cat([support_1KD, known_CKD]), queries_QD)
        found.append(float((scores_QN.argmax(1) == 0).float().mean()))
    return np.array(found)


def study(
    request: Request, out: Path, classes: Sequence[str]
) -> Iterator[tuple[str, Recommendation, int, npt.NDArray[np.float64]]]:
    """(new class, recommendation on the others, shots, accuracies of the draws)."""
    images = data(request)
    results = ResultsFolder(out / "all")
    for new in classes or images.class_names:
        folder = known_folder(images, new, out / "known" / new)
        made = recommend(
            folder, out / "without" / new, minutes=600, request=Request(episodes=EPISODES)
        )
        for shots in SHOTS:
            yield new, made, shots, accuracies(request, made.method, new, shots, results)


def main() -> None:
    """Print the table, a line a class and shot value as it is done."""
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset")
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--classes", nargs="*", default=[], help="new ones; default: each in turn")
    given = parser.parse_args()
    request = Request(dataset=given.dataset, data=given.data)
    start = time.monotonic()
    table = Table(*HEADS)
    held: dict[int, list[bool]] = {}
    for new, made, shots, accuracy_T in study(request, given.out / given.dataset, given.classes):
        expected = made.promised[shots]
        truth = float(accuracy_T.mean())
        holds = expected.low <= truth <= expected.high
        held.setdefault(shots, []).append(holds)
        is_in = (accuracy_T >= expected.low) & (accuracy_T <= expected.high)
        row = (
            new,
            made.about["row"],
            str(shots),
            f"{100 * expected.mean:.1f}",
            f"{100 * expected.low:.1f} to {100 * expected.high:.1f}",
            f"{100 * truth:.1f}",
            f"{100 * (truth - expected.mean):+.1f}",
            "yes" if holds else "no",
            f"{100 * is_in.mean():.0f} %",
        )
        table.add_row(*row)
        print("| " + " | ".join(row) + " |", flush=True)
    Console(width=200).print(table)
    for shots, holds_of in held.items():
        print(f"{shots} shots: the interval holds {sum(holds_of)} of {len(holds_of)}")
    print(f"{time.monotonic() - start:.0f} seconds")


if __name__ == "__main__":
    main()
