"""The pictures that results are of, where they are at hand."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Sequence

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.data.mixture import PLUS
from fewshot_bench.errors import UserError
from fewshot_bench.planning.near_duplicate_choice import DISTINCT, DROP, KEEP, chosen_images
from fewshot_bench.planning.resolve import resolve_data
from fewshot_bench.records.record import Record
from fewshot_bench.registry.registry import Registry
from fewshot_bench.request import Request

__all__ = ["images_at_hand", "images_of"]


def images_of(records: Sequence[Record], request: Request, registry: Registry) -> LabelledImages:
    """The images that the episodes of records of one data set are drawn from.

    request: where and how the data set is read; its name may be left out. Raises `UserError` where
    the images are not at hand, or none of the records is of them.
    """
    record = records[0]
    name = record.dataset.name.removesuffix(DISTINCT)
    if request.dataset is None:
        request = dataclasses.replace(request, dataset=_registered(name, registry))
    loaded = resolve_data(request, registry).data
    was_dropped = record.dataset.near_duplicates_dropped > 0
    data = chosen_images(loaded, DROP if was_dropped else KEEP).data
    if data.digest not in {one.dataset.digest for one in records}:
        made_by = shlex.join(record.provenance.argv) or "the command that made them"
        raise UserError(
            f"the results are of other pictures than the {len(data)} of {data.name} that are at "
            f"hand (digest {record.dataset.digest[:12]}, not {data.digest[:12]}); give --data and "
            f"the options of the data as they were given to the run: {made_by}"
        )
    return data


def images_at_hand(
    records: Sequence[Record], request: Request, registry: Registry
) -> tuple[dict[str, LabelledImages], list[str]]:
    """The images of all data sets of these records, by digest, and why others are not at hand.

    request: may name the data of one data set. Raises `UserError` where that is not what the
    results are of.
    """
    of_names: dict[str, list[Record]] = {}
    for record in records:
        of_names.setdefault(record.dataset.name, []).append(record)
    is_named = request.data is not None
    if is_named and request.dataset is None and len(of_names) > 1:
        raise UserError(
            f"--data {request.data} is for one of {', '.join(of_names)}; name it with --dataset"
        )
    images = {}
    reasons = []
    for name, of_name in of_names.items():
        is_meant = request.dataset in (None, name)
        reading = request if is_meant else Request(data_folder=request.data_folder)
        try:
            data = images_of(of_name, reading, registry)
        except UserError as error:
            if is_named and is_meant:
                raise
            reasons.append(f"{name}: {error}")
        else:
            images[data.digest] = data
    return images, reasons


def _registered(name: str, registry: Registry) -> str | None:
    """The name of the data set that loads images of this name; None where none is known.

    Images may be called after their data set with something behind it, such as -subset.
    """
    if PLUS in name:
        return name
    starts = [known for known in registry.datasets if f"{name}-".startswith(f"{known}-")]
    return max(starts, key=len, default=None)
