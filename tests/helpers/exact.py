"""The accuracy of nearest prototypes over all episodes there are: C(n, k) sets a class and not their product.

Shapes: M images, D features, n images of a class, k shots, E support sets of a class, C classes.
"""

import itertools

import numpy as np


def exact_accuracy(features_MD: np.ndarray, labels_M: np.ndarray, shots: int) -> float:
    """Mean over all episodes of all classes and all queries; each class counts the same."""
    classes = range(labels_M.max() + 1)
    members = [np.flatnonzero(labels_M == label) for label in classes]
    sets = [np.array(list(itertools.combinations(images, shots))) for images in members]
    scores = []  # (E, M) of each class
    for of_class in sets:
        centres = features_MD[of_class].mean(1)
        scores.append(-np.square(centres[:, None] - features_MD[None]).sum(2))
    recalls = []
    for label in classes:
        right = []
        for image in members[label]:
            own = scores[label][~(sets[label] == image).any(1), image]
            probability = np.ones(len(own))
            for other in classes:
                if other != label:
                    below = np.searchsorted(np.sort(scores[other][:, image]), own)
                    probability *= below / len(scores[other])
            right.append(probability.mean())
        recalls.append(np.mean(right))
    return float(np.mean(recalls))


def delete_one(features_MD: np.ndarray, labels_M: np.ndarray, shots: int) -> np.ndarray:
    """(n - 1) * (accuracy - accuracy without image i), for each image, (M,)."""
    whole = exact_accuracy(features_MD, labels_M, shots)
    sizes = np.bincount(labels_M)
    values = []
    for image, label in enumerate(labels_M):
        kept = np.arange(len(labels_M)) != image
        without = exact_accuracy(features_MD[kept], labels_M[kept], shots)
        values.append((sizes[label] - 1) * (whole - without))
    return np.array(values)
