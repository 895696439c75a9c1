"""What a process that knows no plug-ins makes of pickled ones.

Usage: python -m tests.helpers.unpickled FILE   FILE holds pickles by name, each of a list: the code
of a plug-in, its class, its settings. Prints features of two images by name.
"""

import json
import pickle
import sys
from pathlib import Path

import torch

from fewshot_bench.baseline import Baseline
from fewshot_bench.settings import Settings


def features(baseline_class: type[Baseline], settings: Settings) -> list[list[float]]:
    """Features of two small images; a network has fresh weights from seed 0."""
    baseline = baseline_class(settings)
    torch.manual_seed(0)
    if hasattr(baseline, "build"):
        baseline.build(2, torch.device("cpu"))
    images = torch.arange(2 * 32 * 32, dtype=torch.uint8).reshape(2, 1, 32, 32)
    with torch.no_grad():
        embedded: list[list[float]] = baseline.embed(images).tolist()
    return embedded


def main() -> None:
    results: dict[str, list[list[float]]] = {}
    for name, pickled in pickle.loads(Path(sys.argv[1]).read_bytes()).items():
        _, baseline_class, settings = pickle.loads(pickled)
        results[name] = features(baseline_class, settings)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
