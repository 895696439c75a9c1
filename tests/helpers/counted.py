"""Counts of made-up answers: each method recognises so large a share of each class."""

import itertools
from collections.abc import Sequence

import numpy as np

from fewshot_bench.advice.figures import Figures

QUERIES = 1000  # of each class in each split


def counted(shares: Sequence[Sequence[float]], known: Sequence[float] = ()) -> Figures:
    """Figures of one shot value, over all splits that hold out two classes.

    shares: of each class as a new one, by method; what is not recognised is taken for the other new class. known: of the known
    classes, by method; what is not recognised is taken for the first new class. Empty: they are not asked about.
    """
    methods = len(shares)
    classes = len(shares[0])
    splits = list(itertools.combinations(range(classes), 2))
    counts = np.zeros((methods, 1, len(splits), classes, classes), dtype=np.int64)
    is_new = np.zeros((len(splits), classes), dtype=bool)
    for number, pair in enumerate(splits):
        is_new[number, list(pair)] = True
        for method in range(methods):
            for new, other in (pair, pair[::-1]):
                right = round(QUERIES * shares[method][new])
                counts[method, 0, number, new, [new, other]] = right, QUERIES - right
            for label in set(range(classes)) - set(pair) if known else ():
                right = round(QUERIES * known[method])
                counts[method, 0, number, label, [label, pair[0]]] = right, QUERIES - right
    names = [f"m{number}" for number in range(methods)]
    letters = [f"c{label}" for label in range(classes)]
    images = np.full(classes, 100.0)
    return Figures(names, {}, [5], letters, images, is_new, counts, {})
