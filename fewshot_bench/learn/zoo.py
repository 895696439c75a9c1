"""Networks by name: torchvision's classification models, and timm's as `timm:NAME`, each without its last layer.

Both libraries are imported when a network is made or an unusual name is checked: torchvision takes as long as torch.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pickle
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from fewshot_bench.errors import Unavailable, UserError, unknown
from fewshot_bench.optional import library

__all__ = ["DEFAULT", "NONE", "Network", "check_network", "network", "weights_by_name"]

NONE, DEFAULT = (
    "none",
    "DEFAULT",
)  # weights: from scratch; those that the library publishes as its best
OF_PRESETS = ("resnet18", "resnet50")  # known without asking torchvision
TIMM = "timm:"
CLASSES = 1000  # of ImageNet: what the last layer of a published network ends in
GREY_MEAN, GREY_STD = (
    (0.5,) * 3,
    (0.25,) * 3,
)  # of pixel values in 0 to 1, where no published weights say otherwise


@dataclass(frozen=True)
class Network:
    """module: images (B, 3, H, W), less `mean` and divided by `std` of values in 0 to 1, to features (B, D)."""

    module: nn.Module
    mean: tuple[float, ...]
    std: tuple[float, ...]


class Zoo(Protocol):
    """A library of networks."""

    def names(self) -> list[str]:
        """All of its classification networks."""

    def weights(self, name: str) -> list[str]:
        """Published weights of one, the library's best first."""

    def make(self, name: str, size: int, weights: str, *, fetch: bool) -> Network:
        """One for images of `size` pixels a side, with the weights it is to have where `fetch` says so."""


class Torchvision:
    """torchvision.models: what they end in is cut off, what they compute before it are the features."""

    @functools.cached_property
    def models(self) -> Any:
        """The module."""
        import torchvision.models

        return torchvision.models

    def names(self) -> list[str]:
        """All of its classification networks."""
        return [str(name) for name in self.models.list_models(module=self.models)]

    def weights(self, name: str) -> list[str]:
        """Published weights of one, the library's best first."""
        published = self.models.get_model_weights(name)
        best = str(published["DEFAULT"].name)
        return [best, *(str(entry.name) for entry in published if entry.name != best)]

    def make(self, name: str, size: int, weights: str, *, fetch: bool) -> Network:
        """One for images of `size` pixels a side; published embeddings of positions are resampled for it."""
        published = None if weights == NONE else self.models.get_model_weights(name)[weights]
        with warnings.catch_warnings(
            action="ignore"
        ):  # of how some will initialise one day, and of how weights are stored
            module = _of_one_head(
                self.models.get_model(name, **_sized(name, size), **_as_published(name, published))
            )
            if published is not None and fetch:
                state = _of_one_head(self._fetched(name, published)).state_dict()
                if name.startswith("vit_"):
                    resample = self.models.vision_transformer.interpolate_embeddings
                    state = resample(size, module.patch_size, state)
                module.load_state_dict(state)
        last = [path for path, part in module.named_modules() if _width(part) == CLASSES][-1]
        module.set_submodule(last, nn.Identity())
        if published is None:
            return Network(module, GREY_MEAN, GREY_STD)
        transforms = published.transforms()
        return Network(module, tuple(transforms.mean), tuple(transforms.std))

    def _fetched(self, name: str, published: Any) -> Any:
        try:
            with _weights_only():
                return self.models.get_model(name, weights=published)
        except (
            OSError,
            RuntimeError,
            pickle.UnpicklingError,
        ) as error:  # no network, a proxy's refusal, another file
            raise _unavailable(name, published.name, error, _curl(published.url)) from None


class Timm:
    """timm, an optional extra: its networks give their features themselves."""

    @functools.cached_property
    def timm(self) -> Any:
        """The module; raises `UserError` where it is not installed."""
        return library(f"encoder {TIMM}NAME", "timm", "timm")

    def names(self) -> list[str]:
        """All of its classification networks."""
        return [f"{TIMM}{name}" for name in self.timm.list_models()]

    def weights(self, name: str) -> list[str]:
        """Tags of the published weights of one, the library's best first."""
        bare = name.removeprefix(TIMM)
        found = {cfg.tag: None for cfg in self._configs(bare).values() if cfg.has_weights}
        best = self.timm.get_pretrained_cfg(bare)
        return list(
            {**({best.tag: None} if best is not None and best.tag in found else {}), **found}
        )

    def _configs(self, bare: str) -> dict[str, Any]:
        found: dict[str, Any] = self.timm.models.get_arch_pretrained_cfgs(bare)
        return found

    def make(self, name: str, size: int, weights: str, *, fetch: bool) -> Network:
        """One for images of `size` pixels a side; published embeddings of positions are resampled for it."""
        bare = name.removeprefix(TIMM)
        tagged = bare if weights == NONE else f"{bare}.{weights}"
        config = self.timm.get_pretrained_cfg(tagged)
        sized = {"img_size": size} if config is not None and config.fixed_input_size else {}
        if weights == NONE or not fetch:
            module = self.timm.create_model(bare, num_classes=0, **sized)
        else:
            try:
                module = self.timm.create_model(tagged, pretrained=True, num_classes=0, **sized)
            except (OSError, RuntimeError) as error:
                command = (
                    f"hf download {config.hf_hub_id}" if config.hf_hub_id else _curl(config.url)
                )
                raise _unavailable(name, weights, error, command) from None
        if weights == NONE:
            return Network(module, GREY_MEAN, GREY_STD)
        return Network(module, tuple(config.mean), tuple(config.std))


ZOOS: dict[str, Zoo] = {
    TIMM: Timm(),
    "": Torchvision(),
}  # by what the name of an encoder starts with


def _zoo(name: str) -> Zoo:
    return next(zoo for start, zoo in ZOOS.items() if name.startswith(start))


def network(name: str, weights: str, size: int, *, fetch: bool) -> Network:
    """The network `name` for images of `size` pixels a side, with the weights it is to have where `fetch` says so.

    Raises `Unavailable` where these cannot be had.
    """
    return _zoo(name).make(name, size, weights, fetch=fetch)


def weights_by_name(name: str, weights: str) -> str:
    """The weights that are meant: `DEFAULT` becomes the name of the library's best.

    Raises `UserError` where there is no such network or where it has no such weights.
    """
    if name in OF_PRESETS and weights == NONE:
        return weights
    zoo = _zoo(name)
    bare, dot, tag = name.partition(".")
    if dot and bare in zoo.names():
        raise UserError(
            f"encoder {name!r} has its weights in its name; say --encoder {bare} --weights {tag}"
        )
    if name not in zoo.names():
        raise unknown(
            "encoder",
            name,
            zoo.names(),
            f"name a classification network of torchvision, or {TIMM}NAME of timm",
        )
    published = zoo.weights(name)
    if weights == DEFAULT and published:
        return published[0]
    if weights not in (NONE, *published):
        raise unknown(
            f"weights of {name}", weights, (NONE, DEFAULT, *published) if published else (NONE,)
        )
    return weights


@functools.cache
def check_network(name: str, weights: str, size: int) -> None:
    """Raise `UserError` where the network takes no images of `size` pixels a side: it is made, and tried on one."""
    if name in OF_PRESETS:
        return
    try:
        try:
            _try_on("meta", name, weights, size)  # where a network takes neither time nor memory
        except (NotImplementedError, RuntimeError, ValueError):  # what some cannot be made on
            _try_on("cpu", name, weights, size)
    except (AssertionError, RuntimeError, ValueError, TypeError) as error:
        raise UserError(
            f"image_size={size} is not taken by {name} ({error}); give another with --image-size"
        ) from None


@contextlib.contextmanager
def _weights_only() -> Iterator[None]:
    """Files of weights are read as data: torch runs no code that one may hold."""
    switch = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(switch)
    os.environ[switch] = "1"
    try:
        yield
    finally:
        os.environ.pop(switch)
        if before is not None:
            os.environ[switch] = before


def _sized(name: str, size: int) -> dict[str, Any]:
    """What torchvision's networks for images of one size alone are told of it."""
    if name.startswith("vit_"):
        return {"image_size": size}
    return {"input_size": (size, size)} if name.startswith("maxvit_") else {}


def _as_published(name: str, published: object) -> dict[str, Any]:
    """What the constructor sets where published weights are named, and a checkpoint does not hold."""
    return (
        {"transform_input": True}
        if published is not None and name in ("googlenet", "inception_v3")
        else {}
    )


def _of_one_head(module: Any) -> Any:
    """Without auxiliary classifiers, which serve ImageNet's training alone."""
    for auxiliary in ("aux_logits", "AuxLogits", "aux1", "aux2"):
        if hasattr(module, auxiliary):
            setattr(module, auxiliary, None)
    return module


def _curl(url: str) -> str:
    """The command that puts a file of weights where torch looks for it."""
    file = Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name
    if file.is_relative_to(Path.home()):
        file = Path("~") / file.relative_to(Path.home())
    return f"curl --create-dirs -o {file} {url}"


def _try_on(device: str, name: str, weights: str, size: int) -> None:
    with torch.random.fork_rng(devices=[]), torch.inference_mode(), torch.device(device):
        _zoo(name).make(name, size, weights, fetch=False).module.eval()(
            torch.zeros(1, 3, size, size)
        )


def _width(part: nn.Module) -> object:
    """What a linear layer or a convolution ends in."""
    return getattr(part, "out_features", getattr(part, "out_channels", None))


def _unavailable(name: str, weights: str, error: Exception, command: str) -> Unavailable:
    return Unavailable(
        f"weights {weights} of {name} cannot be had ({error}); where there is a network, fetch them with: {command}"
    )
