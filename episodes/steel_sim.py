"""Steel-sim: grey textures with NEU's class names, drawn from a seed. Nothing is downloaded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from fewshot_bench.plugins.episodes._steel_sim_1 import image as image_1
from fewshot_bench.plugins.episodes._steel_sim_2 import image as image_2
from fewshot_bench.plugins.episodes._steel_surface import Image
from fewshot_bench.plugins.episodes.neu import ABBREVIATIONS, TEST, TRAIN

from fewshot_bench import (
    Classification,
    DataCard,
    DataSet,
    FewShot,
    LabelledImages,
    Settings,
    UserError,
    cached_images,
    group_by_class,
)

# version -> draws an image of a class with so many pixels a side
DRAWN: dict[int, Callable[[str, int, np.random.Generator], Image]] = {1: image_1, 2: image_2}
SOURCES = ("steel_sim.py", "_steel_sim_1.py", "_steel_sim_2.py", "_steel_surface.py")


@dataclass(frozen=True, kw_only=True)
class SteelSimSettings(Settings):
    """per_class: images of each class; side: pixels a side; seed: what the images depend on.

    version: 1 draws the images of releases before 0.2.0, which pretrained features find easy.
    """

    per_class: int = 100
    side: int = 128
    seed: int = 0
    version: Literal[1, 2] = 2

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        self.need(2 <= self.per_class <= 10_000, "per_class", "2 to 10,000")
        self.need(32 <= self.side <= 512, "side", "32 to 512 pixels")
        self.need(self.seed >= 0, "seed", "0 or more")


class SteelSim(DataSet):
    """Synthetic images: they rank methods by texture and shape, but say nothing of real steel."""

    card = DataCard(
        title="Simulated steel strip (synthetic)",
        source="procedural, part of fewshot-bench",
        year=2026,
        standard=True,
        needs_path=False,
        synthetic=True,
        get_it="for real pictures: --dataset neu --data PATH",
    )
    protocols = (
        FewShot(
            name="steel-sim-heldout",
            dataset="steel-sim",
            train_classes=TRAIN,
            test_classes=TEST,
            version=2,
        ),
        Classification(
            name="steel-sim-classify", dataset="steel-sim", train_sizes=(0.8, 0.7, 0.6), version=2
        ),
        Classification(
            name="steel-sim-small", dataset="steel-sim", train_sizes=(10, 20, 50), version=2
        ),
    )
    settings_type = SteelSimSettings
    settings: SteelSimSettings

    def load(self, path: Path | None) -> LabelledImages:
        """The images of all six classes. Raises `UserError` for a path: it reads no files."""
        if path is not None:
            raise UserError(
                f"steel-sim is generated and reads no data, but --data {path} was given; "
                "leave it out"
            )
        folder = Path(__file__).parent
        sources = []
        for name in SOURCES:
            sources.append(hashlib.sha256((folder / name).read_bytes()).hexdigest())
        return cached_images(["steel-sim", self.settings.as_dict(), sources], self._generate)

    def versioned_protocols(self) -> tuple[FewShot | Classification, ...]:
        """The protocols in the version of the images."""
        version = self.settings.version
        return tuple(replace(protocol, version=version) for protocol in self.protocols)

    def _generate(self) -> LabelledImages:
        per_class = self.settings.per_class
        drawn = DRAWN[self.settings.version]
        class_names = sorted((*TRAIN, *TEST))
        images = []
        labels = []
        files = []
        class_seeds = np.random.SeedSequence(self.settings.seed).spawn(len(class_names))
        for label, (name, class_seed) in enumerate(zip(class_names, class_seeds, strict=True)):
            for number, image_seed in enumerate(class_seed.spawn(per_class), start=1):
                rng = np.random.default_rng(image_seed)
                images.append(drawn(name, self.settings.side, rng))
                labels.append(label)
                files.append(f"{name}_{number}")
        return group_by_class(
            "steel-sim",
            np.stack(images)[:, None],  # one channel
            labels,
            class_names,
            files,
            notes=[f"these pictures are synthetic; {self.card.get_it}"],
            abbreviations=ABBREVIATIONS,
        )
