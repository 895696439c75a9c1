"""A classifier as files that run without this package: encoder, rule, references, calibration.

Shapes: B images, C channels, S pixels a side, D features.
"""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import warnings
from importlib import resources
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save
from torch import Tensor, nn

from fewshot_bench.deploy.arrays import RuleArrays, rule_arrays
from fewshot_bench.deploy.build import Classifier
from fewshot_bench.engine.embedding import dihedral_views
from fewshot_bench.errors import UserError
from fewshot_bench.files import write_atomically
from fewshot_bench.learn.encoder import Encoder
from fewshot_bench.optional import library, require

__all__ = ["can_export", "exported"]

EXTRA = "export"
LIBRARIES = ("onnx", "onnxscript", "onnxruntime")
CHECKED = 4  # references on which the exported encoder is checked
TOLERANCE = 1e-3  # of the length of a feature vector
RUN = "exported_run.py.txt"


def can_export() -> None:
    """Raise `UserError` where what export needs is not installed."""
    for name in LIBRARIES:
        require("bench export", name, EXTRA)


def exported(made: Classifier, folder: Path) -> list[Path]:
    """Write encoder.onnx, classifier.safetensors and run.py to the folder; their paths.

    Raises `UserError` where a library is missing, and for a method whose features are not those of
    one network, or whose rule cannot be written as a few arrays.
    """
    can_export()
    features_MD = made.reference_MD
    known_MD = features_MD[: made.known_references]
    arrays = rule_arrays(made.answerer, made.support_NKD, features_MD, known_MD, made.calibration)
    encoder = _onnx(made, features_MD)
    program = resources.files("fewshot_bench.deploy").joinpath(RUN).read_bytes()
    contents = {
        "encoder.onnx": encoder,
        "classifier.safetensors": _tensors(made, arrays),
        "run.py": program,
    }
    written = []
    for name, content in contents.items():
        _write(folder / name, content)
        written.append(folder / name)
    return written


def _write(file: Path, content: bytes) -> None:
    write_atomically(file, lambda stream: stream.write(content))


def _tensors(made: Classifier, arrays: RuleArrays) -> bytes:
    """Everything but the encoder."""
    calibration = made.calibration
    tensors = {
        "power": np.array(arrays.power),
        "centre": arrays.centre_D,
        "weights": arrays.weights_NE,
        "bias": arrays.bias_N,
        "square": np.array(arrays.square),
        "sharpness": np.array(calibration.sharpness),
        "typical": calibration.typical_N,
        "spread": calibration.spread_N,
        "least": np.array(calibration.least),
    }
    if arrays.matrix_ED is not None:
        tensors["matrix"] = arrays.matrix_ED
    form = made.references.form
    about = {
        "method": made.chosen.method.as_json(),
        "classes": list(made.class_names),
        "side": form.side,
        "channels": form.channels,
        "fit": form.fit,
        "unit": arrays.is_unit,
        "notes": list(made.notes),
    }
    whole = {name: np.ascontiguousarray(values) for name, values in tensors.items()}
    return save(whole, {"about": json.dumps(about)})


class _Pipeline(nn.Module):
    """Images of the references' size to features: resizing, normalisation, network, views."""

    resize_IS: Tensor

    def __init__(self, encoder: Encoder, side: int, views: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.views = views
        size = (encoder.image_size, side)
        # resizing is linear along each side: of the rows of a unit matrix it gives the weights
        identity = torch.eye(side)[None, None]
        weights = F.interpolate(identity, size, mode="bilinear", antialias=True)[0, 0]
        self.register_buffer("resize_IS", weights)

    def forward(self, images: Tensor) -> Tensor:
        """Features (B, D) of images (B, C, S, S), uint8."""
        total: Tensor | None = None
        for view_BCSS in dihedral_views(images.float(), self.views):
            resized = self.resize_IS @ view_BCSS @ self.resize_IS.T
            normalised = (resized - self.encoder.mean) / self.encoder.std
            features: Tensor = self.encoder.backbone(normalised)
            total = features if total is None else total + features
        assert total is not None
        mean: Tensor = total / self.views
        return mean


def _onnx(made: Classifier, features_MD: Tensor) -> bytes:
    """The encoder as ONNX, checked on a few references."""
    name = made.chosen.method.name
    baseline = made.features.baseline
    encoder = baseline.network
    if not isinstance(encoder, Encoder):
        raise UserError(
            f"method {name} has no encoder that can be exported; name one that embeds with a "
            "network with --method"
        )
    images = made.references.sets[0].images[:CHECKED]
    views = int(baseline.settings.as_dict().get("views", 1))
    pipeline = _Pipeline(encoder.cpu(), images.shape[-1], views).eval()
    content = _graph(pipeline, torch.from_numpy(images.copy()))
    runtime = library("bench export", "onnxruntime", EXTRA)
    session = runtime.InferenceSession(content)
    answered = session.run(None, {"images": images})[0]
    expected = features_MD[: len(images)].numpy()
    difference = np.linalg.norm(answered - expected, axis=1).max()
    if not difference <= TOLERANCE * np.linalg.norm(expected, axis=1).max():
        raise UserError(
            f"method {name} does more to its features than its network does, and cannot be "
            "exported; name another with --method"
        )
    return content


def _graph(pipeline: _Pipeline, images: Tensor) -> bytes:
    library("bench export", "onnxscript", EXTRA)
    hidden = io.StringIO()
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.redirect_stdout(hidden),
        contextlib.redirect_stderr(hidden),
        warnings.catch_warnings(action="ignore"),
        torch.no_grad(),
    ):
        file = Path(folder) / "encoder.onnx"
        torch.onnx.export(
            pipeline,
            (images,),
            file,
            input_names=["images"],
            output_names=["features"],
            dynamic_shapes={"images": {0: torch.export.Dim("pictures")}},
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        return file.read_bytes()
