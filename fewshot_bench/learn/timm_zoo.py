"""timm's classification networks, named `timm:NAME`. timm is an optional extra, imported on use."""

from __future__ import annotations

from typing import Any

from fewshot_bench.learn.network import (
    GREY_MEAN,
    GREY_STD,
    NONE,
    UNKNOWN_SIZE,
    Network,
    curl_command,
    unavailable,
)
from fewshot_bench.optional import library

__all__ = ["TIMM", "Timm"]

TIMM = "timm:"  # the names of timm's networks start with this


class Timm:
    """timm: a network made for 0 classes returns features.

    All methods raise `UserError` if timm is not installed.
    """

    def names(self) -> list[str]:
        """All classification networks."""
        names = _timm().list_models()
        return [f"{TIMM}{name}" for name in names]

    def weights(self, name: str) -> list[str]:
        """The tags of the published weights of network `name`, the library's best first."""
        timm = _timm()
        bare_name = name.removeprefix(TIMM)
        tags: list[str] = []
        for config in timm.models.get_arch_pretrained_cfgs(bare_name).values():
            if config.has_weights and config.tag not in tags:
                tags.append(config.tag)
        best = timm.get_pretrained_cfg(bare_name)
        if best is not None and best.tag in tags:
            tags.remove(best.tag)
            tags.insert(0, best.tag)
        return tags

    def require(self, name: str, weights: str) -> None:
        """Raise `UserError` unless timm is installed."""
        del name, weights
        _timm()

    def sha256(self, name: str, weights: str) -> str:
        """Empty: the digest of a download is not known."""
        del name, weights
        return ""

    def image_size(self, name: str, weights: str) -> int:
        """The side of the images that published weights were trained on; of the best for none."""
        config = _config(name, weights)
        return UNKNOWN_SIZE if config is None else int(config.input_size[-1])

    def make(self, name: str, size: int, weights: str, *, fetch: bool) -> Network:
        """The network for images of `size` pixels a side.

        fetch: load the published weights; position embeddings are resampled to the image size.
        Raises `Unavailable` if they are neither cached nor downloadable.
        """
        timm = _timm()
        bare_name = name.removeprefix(TIMM)
        config = _config(name, weights)
        options: dict[str, Any] = {"num_classes": 0}
        if config is not None and config.fixed_input_size:
            options["img_size"] = size
        if weights == NONE or not fetch:
            module = timm.create_model(bare_name, **options)
        else:
            try:
                tagged_name = f"{bare_name}.{weights}"
                module = timm.create_model(tagged_name, pretrained=True, **options)
            except (OSError, RuntimeError) as error:
                raise unavailable(name, weights, error, _fetch_command(config)) from None
        removed = _last_layers(config)
        if weights == NONE:
            return Network(module, GREY_MEAN, GREY_STD, removed)
        return Network(module, tuple(config.mean), tuple(config.std), removed)


def _timm() -> Any:
    needed_by = f"encoder {TIMM}NAME"
    return library(needed_by, "timm", "timm")


def _config(name: str, weights: str) -> Any:
    """timm's description of a network with these weights, of its best for none; None if unknown."""
    bare_name = name.removeprefix(TIMM)
    tagged_name = bare_name if weights == NONE else f"{bare_name}.{weights}"
    return _timm().get_pretrained_cfg(tagged_name)


def _last_layers(config: Any) -> tuple[str, ...]:
    """The paths of the layers that a network for 0 classes lacks."""
    layers = None if config is None else config.classifier
    if layers is None:
        return ()
    return (layers,) if isinstance(layers, str) else tuple(layers)


def _fetch_command(config: Any) -> str:
    """The command that downloads the weights of a timm configuration."""
    if config.hf_hub_id:
        return f"hf download {config.hf_hub_id}"
    return curl_command(config.url)
