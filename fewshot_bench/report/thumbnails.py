"""Pictures as the attribute `src` of a page."""

from __future__ import annotations

import base64
import io

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["Pixels", "channels_last", "jpeg_source", "png_source"]

QUALITY = 80  # of a JPEG

Pixels = npt.NDArray[np.uint8]


def png_source(image_CHW: Pixels) -> str:
    """A picture without loss."""
    return _source(Image.fromarray(channels_last(image_CHW)), "PNG")


def jpeg_source(image_CHW: Pixels, side: int) -> str:
    """A picture of at most so many pixels a side."""
    picture = Image.fromarray(channels_last(image_CHW))
    picture.thumbnail((side, side))
    return _source(picture, "JPEG")


def _source(picture: Image.Image, kind: str) -> str:
    file = io.BytesIO()
    picture.save(file, kind, quality=QUALITY)
    encoded = base64.b64encode(file.getvalue()).decode()
    return f"data:image/{kind.lower()};base64,{encoded}"


def channels_last(image_CHW: Pixels) -> Pixels:
    """(H, W) of a grey image, (H, W, 3) of another."""
    return image_CHW[0] if len(image_CHW) == 1 else image_CHW.transpose(1, 2, 0)
