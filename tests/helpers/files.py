"""Archives, pictures and wafer maps in every form that data sets come in."""

import io
import zipfile
from pathlib import Path

import numpy as np
from fewshot_bench.plugins.episodes.mixedwm38 import CLASSES as WAFER_CLASSES
from fewshot_bench.plugins.episodes.mixedwm38 import PATTERNS
from PIL import Image

CHANNELS = {"L": 1, "RGB": 3, "CMYK": 4, "RGBA": 4}
WAFER_MAPS = 3 * len(WAFER_CLASSES)


def picture(seed: int, side: int = 16, form: str = "PNG", mode: str = "L") -> bytes:
    """The file of a picture of noise."""
    channels = CHANNELS[mode]
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, channels), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if channels == 1 else pixels, mode).save(file, form)
    return file.getvalue()


def archive(path: Path, members: dict[str, bytes], **options: int) -> Path:
    """A zip at `path` with these members."""
    with zipfile.ZipFile(path, "w", **options) as file:  # type: ignore[call-overload]
        for name, content in members.items():
            file.writestr(name, content)
    return path


def classes(
    count: int = 4, each: int = 4, suffix: str = "png", form: str = "PNG", mode: str = "L"
) -> dict[str, bytes]:
    """Pictures by name, in folders of classes."""
    members = {}
    for label in range(count):
        for number in range(each):
            content = picture(10 * label + number, form=form, mode=mode)
            members[f"c{label}/{number}.{suffix}"] = content
    return members


def wafer_arrays() -> dict[str, np.ndarray]:
    """Three maps of each class of MixedWM38, the classes in turn."""
    maps = np.random.default_rng(0).integers(0, 3, (WAFER_MAPS, 52, 52)).astype(np.int32)
    labels = []
    for number in range(WAFER_MAPS):
        patterns = WAFER_CLASSES[number % len(WAFER_CLASSES)].split("+")
        labels.append([pattern in patterns for pattern in PATTERNS])
    return {"arr_0": maps, "arr_1": np.array(labels, dtype=np.int32)}


def npz(path: Path, content: dict[str, np.ndarray]) -> Path:
    """The arrays as MixedWM38 is published."""
    np.savez_compressed(path, **content)
    return path


def encoded(pixels: np.ndarray, form: str) -> bytes:
    """The file of a picture, in a form such as PNG."""
    file = io.BytesIO()
    options = {"quality": 95} if form == "JPEG" else {}
    Image.fromarray(pixels).save(file, form, **options)
    return file.getvalue()


def image_folder(
    place: Path, classes: dict[str, list[int]], mode: str = "L", grey_level: int = 7
) -> Path:
    """A folder of classes, each with square images of these sides in pixels."""
    for number, (name, sides) in enumerate(classes.items()):
        (place / name).mkdir(parents=True)
        for i, side in enumerate(sides):
            pixels = np.full((side, side), 3 * i, dtype=np.uint8)
            pixels[0, 0] = 10 + grey_level + number
            Image.fromarray(pixels).convert(mode).save(place / name / f"{i}.png")
    return place


def contents_of(folder: Path) -> dict[str, bytes]:
    """The content of each file below a folder, by its path there."""
    contents = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            contents[path.relative_to(folder).as_posix()] = path.read_bytes()
    return contents
