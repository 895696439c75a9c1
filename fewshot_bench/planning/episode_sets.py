"""Episode sets: the episodes of a protocol at one shot value, or one run at one train size."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import UserError
from fewshot_bench.planning.near_duplicate_choice import AS_GROUPS
from fewshot_bench.protocols.episode import (
    NO_QUERY,
    EpisodeSource,
    FixedEpisodes,
    ImageGroups,
    Pool,
    in_data_set,
    pool_images,
    prefixes,
)
from fewshot_bench.protocols.open_world import OpenWorld
from fewshot_bench.protocols.protocol import FewShot
from fewshot_bench.protocols.split import Size, Split
from fewshot_bench.protocols.stored import AnyProtocol, protocol_of
from fewshot_bench.records.episode_files import read_episodes

__all__ = ["EpisodeSet", "episode_sets", "left_out_notes", "replayed", "unlabelled_notes"]


@dataclass(frozen=True, eq=False)
class EpisodeSet:
    """Episodes that every baseline answers.

    condition: the shot value or the train size; pool: of each test class, its first index and its
    number of images; split: which images are trained on and which are embedded; file: where the
    episodes come from, if no protocol draws them; groups: of the images of the pool.
    """

    protocol: AnyProtocol
    condition: Size
    source: EpisodeSource
    pool: Pool
    split: Split
    file: Path | None = None
    groups: ImageGroups = ()

    @property
    def is_classification(self) -> bool:
        """Whether the test classes are the classes that were trained on."""
        return self.protocol.is_classification

    @property
    def known(self) -> tuple[str, ...]:
        """The known classes that are candidates beside the ways of each episode."""
        return self.protocol.known if isinstance(self.protocol, OpenWorld) else ()

    @property
    def first(self) -> int:
        """The number of its first episode; in a classification protocol, its run."""
        return self.split.run or 0

    @property
    def episodes(self) -> int:
        """The number of its episodes."""
        return self.protocol.episodes

    @property
    def label(self) -> str:
        """Its condition in words, for progress."""
        return self.protocol.condition_text(self.condition)

    @property
    def test_images(self) -> npt.NDArray[np.int64]:
        """Indices of the images of the test classes that are tested, in order.

        Those of a run are its queries, without its references.
        """
        if not self.is_classification:
            indices = pool_images(self.pool)
        else:
            query_TNQ = self.source.draw(self.first, self.first + 1).query_TNQ
            indices = query_TNQ[query_TNQ != NO_QUERY]
        return np.unique(indices).astype(np.int64)

    @property
    def train_size(self) -> Size | None:
        """The train size of a classification protocol, else None."""
        return self.condition if self.is_classification else None

    @functools.cached_property
    def shots(self) -> int:
        """Support images of each class."""
        if not self.is_classification:
            return int(self.condition)
        run = self.source.draw(self.first, self.first + 1)
        return int(run.support_TNK.shape[2])

    @functools.cached_property
    def digests(self) -> dict[int, str]:
        """Digests of the prefixes of its episodes, by length."""
        return prefixes(self.source, self.episodes, self.first)

    @property
    def digest(self) -> str:
        """The digest of all its episodes."""
        return self.digests[self.episodes]

    @functools.cached_property
    def _images_of_group(self) -> dict[int, list[int]]:
        images = pool_images(self.pool).tolist()
        members: dict[int, list[int]] = {}
        for image, group in zip(images, self.groups, strict=True):
            members.setdefault(group, []).append(image)
        return members

    def beside(self, support_NK: npt.NDArray[np.integer]) -> set[int]:
        """The support images and, if there are groups, all images of theirs."""
        images = support_NK.ravel()
        if not self.groups:
            return set(images.tolist())
        groups = in_data_set(self.pool, self.groups)[images]
        beside: set[int] = set()
        for group in groups.tolist():
            beside.update(self._images_of_group[group])
        return beside

    def at_most(self, episodes: int | None) -> EpisodeSet:
        """The same with fewer episodes, for a slow baseline. A run of a classification stays."""
        shorter = self.protocol.at_most(episodes)
        if shorter is self.protocol:
            return self  # its digests, which take long, are shared by all baselines
        return dataclasses.replace(self, protocol=shorter)


def episode_sets(protocol: AnyProtocol, data: LabelledImages) -> list[EpisodeSet]:
    """The episode sets of a protocol: one a shot value, or one a train size and run."""
    pool = protocol.pool(data)
    groups = protocol.image_groups(data)
    made = []
    for condition, run in protocol.conditions:
        source = protocol.drawn(data.digest, pool, condition, groups)
        split = protocol.split(data, condition, run)
        made.append(EpisodeSet(protocol, condition, source, pool, split, groups=groups))
    return made


def left_out_notes(sets: Sequence[EpisodeSet]) -> list[str]:
    """How many images are not used because of their groups; no note if all are."""
    counts = sorted({episode_set.split.left_out for episode_set in sets})
    if counts[-1] == 0:
        return []
    number = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    if sets[0].is_classification:
        return [
            f"{number} images of a run are left out of training and test: other images of their "
            "groups are on the other side"
        ]
    return [f"{number} images are left out of the training: test classes have their groups too"]


def unlabelled_notes(sets: Sequence[EpisodeSet], seen_by: Sequence[str]) -> list[str]:
    """How many train images have no label, and who looks at them; no note if all have one.

    seen_by: names of baselines.
    """
    share = sets[0].protocol.unlabelled
    if share == 0:
        return []
    counts = []
    for episode_set in sets:
        without = len(episode_set.split.unlabelled)
        counts.append(f"{without} of {without + len(episode_set.split.train)}")
    different = list(dict.fromkeys(counts))
    numbers = different[0] if len(different) == 1 else f"{different[0]} to {different[-1]}"
    names = " and ".join(seen_by)
    who = f"{names} alone may look at them" if seen_by else "no method of this run looks at them"
    return [f"{numbers} train images have no label (--unlabelled {share:g}): {who}"]


def replayed(path: Path, data: LabelledImages) -> list[EpisodeSet]:
    """The episode sets in a file of episodes.

    Where the protocol itself draws the same episodes, they are drawn, so that the record does not
    need the file. Raises `UserError` where the episodes do not fit the data set.
    """
    episodes, about = read_episodes(path)
    if about["dataset_digest"] != data.digest:
        raise UserError(
            f"{path} holds episodes of another data set than {data.name}; "
            "name the one it was made from, with the same --near-duplicates"
        )
    stored = protocol_of(about["protocol"])
    if not isinstance(stored, FewShot):
        raise UserError(f"{path} holds no few-shot episodes; make it anew with bench episodes")
    group_by = about.get("group_by", "")
    if group_by and data.groups is None:
        option = "the same --group-by, --labels or --crop-boxes"
        if group_by == AS_GROUPS:
            option = "--near-duplicates group"
        raise UserError(
            f"{path} holds episodes over groups of images by '{group_by}'; give {option} here too"
        )
    protocol = stored.over(data, stored.train_classes, stored.test_classes)
    replays = []
    for drawn in episode_sets(protocol, data):
        shots = int(drawn.condition)
        if shots not in episodes:
            raise UserError(
                f"{path} holds no episodes with {shots} shots; make it anew with bench episodes"
            )
        fixed = FixedEpisodes(episodes[shots])
        fault = fixed.fault(drawn.pool, protocol.ways, shots, drawn.groups)
        if fault:
            named = protocol.condition_text(drawn.condition)
            raise UserError(f"{path}, {named}: {fault}; make it anew with bench episodes")
        count = len(fixed.episodes)
        same_length = dataclasses.replace(protocol, episodes=count)
        drawn = dataclasses.replace(drawn, protocol=same_length)
        from_file = dataclasses.replace(drawn, source=fixed, file=path)
        is_drawn = drawn.digest == from_file.digest
        replays.append(drawn if is_drawn else from_file)
    return replays
