"""Knows the kinds of defect, and scores classes by those that they are made of."""

import torch
import torch.nn.functional as F

from fewshot_bench import Baseline, Card


class Composing(Baseline):
    card = Card(title="Composing", paper="a test")
    rule = "mean_cosine"
    sees = frozenset({"defects"})
    answers_none = True

    def fit(self, train, *, context):
        features = self.embed(torch.from_numpy(train.images))
        has_defect = torch.from_numpy(train.defects_CP[train.labels]).float()
        targets = 2 * has_defect - 1
        penalty = 0.1 * torch.eye(features.shape[1])
        self.weights = torch.linalg.solve(features.mT @ features + penalty, features.mT @ targets)
        self.classes_CP = torch.from_numpy(train.defects_CP)

    def state(self):
        return {"weights": self.weights, "classes": self.classes_CP}

    def load(self, state, *, context):
        self.weights = state["weights"]
        self.classes_CP = state["classes"]

    def embed(self, images):
        failed = images[:, -1:].float() / 255
        pooled = F.adaptive_avg_pool2d(failed, 13).flatten(1)
        return torch.cat([pooled, torch.ones(len(pooled), 1)], dim=1)

    def compose(self, images, defects):
        has_defect = self.embed(images) @ self.weights
        return has_defect @ (2 * defects.float() - 1).mT

    def logits(self, images):
        has_defect = self.embed(images) @ self.weights
        known = self.compose(images, self.classes_CP)
        best = has_defect.abs().sum(1, keepdim=True)  # of all combinations
        is_known = known.amax(1, keepdim=True) >= best - 1e-4
        return torch.cat([known, torch.where(is_known, best - 1, best)], dim=1)
