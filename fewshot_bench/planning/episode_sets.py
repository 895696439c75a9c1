"""What is asked of every baseline: the episodes of a protocol at one shot value, or one run at one train size."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from pathlib import Path

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import UserError
from fewshot_bench.protocols.episode import EpisodeSource, FixedEpisodes, Pool, prefixes
from fewshot_bench.protocols.protocol import Classification, FewShot, Protocol
from fewshot_bench.protocols.split import Size, Split, size_text
from fewshot_bench.records.folder import read_episodes

__all__ = ["EpisodeSet", "episode_sets", "replayed"]


@dataclass(frozen=True, eq=False)
class EpisodeSet:
    """One question of a protocol with its episodes, the same for every baseline. at: shots, or the train size."""

    protocol: FewShot | Classification
    condition: Size
    source: EpisodeSource
    pool: Pool
    split: Split
    file: Path | None = None

    @property
    def first(self) -> int:
        """Its first episode: of a classification protocol, its run."""
        return self.split.run or 0

    @property
    def episodes(self) -> int:
        """How many."""
        return self.protocol.episodes

    @property
    def label(self) -> str:
        """What sets it apart from the protocol's others, as text."""
        return (
            f"{self.condition} shots"
            if self.split.run is None
            else f"train size {size_text(self.condition)}"
        )

    @property
    def is_classification(self) -> bool:
        """Whether it asks about the classes that were trained on."""
        return self.protocol.is_classification

    @property
    def train_size(self) -> Size | None:
        """Of a classification protocol, else None."""
        return self.condition if self.is_classification else None

    @functools.cached_property
    def shots(self) -> int:
        """Support images of each class."""
        return int(self.source.draw(self.first, self.first + 1).support_TNK.shape[2])

    @functools.cached_property
    def digests(self) -> dict[int, str]:
        """Digests of the prefixes of its episodes."""
        return prefixes(self.source, self.episodes, self.first)

    @property
    def digest(self) -> str:
        """The digest of all its episodes."""
        return self.digests[self.episodes]

    def at_most(self, episodes: int | None) -> EpisodeSet:
        """The same question with fewer episodes, for a slow baseline."""
        if episodes is None or episodes >= self.episodes or not isinstance(self.protocol, FewShot):
            return self
        return dataclasses.replace(
            self, protocol=dataclasses.replace(self.protocol, episodes=episodes)
        )


def episode_sets(protocol: FewShot | Classification, data: LabelledImages) -> list[EpisodeSet]:
    """The questions of a protocol: one a shot value, or one a train size and run."""
    pool = protocol.pool(data)
    return [
        EpisodeSet(
            protocol,
            condition,
            protocol.drawn(data.digest, pool, condition),
            pool,
            protocol.split(data, condition, run),
        )
        for condition, run in protocol.conditions
    ]


def replayed(path: Path, data: LabelledImages) -> list[EpisodeSet]:
    """The questions that a file of episodes holds; raises `UserError` where they do not fit the data set.

    Episodes that the protocol would draw itself are drawn, so that only those of another origin need the file.
    """
    episodes, about = read_episodes(path)
    if about["dataset_digest"] != data.digest:
        raise UserError(
            f"{path} holds episodes of another data set than {data.name}; name the one it was made from"
        )
    stored = Protocol.from_dict(about["protocol"])
    if not isinstance(stored, FewShot):
        raise UserError(f"{path} holds no few-shot episodes; make it anew with bench episodes")
    questions, settled = [], stored.over(data, stored.train_classes, stored.test_classes)
    for drawn in episode_sets(settled, data):
        if drawn.condition not in episodes:
            raise UserError(
                f"{path} holds no episodes with {drawn.condition} shots; make it anew with bench episodes"
            )
        fixed = FixedEpisodes(episodes[int(drawn.condition)])
        fault = fixed.fault(drawn.pool, stored.ways, int(drawn.condition))
        if fault:
            raise UserError(
                f"{path}, {drawn.condition} shots: {fault}; make it anew with bench episodes"
            )
        same = dataclasses.replace(
            drawn, protocol=dataclasses.replace(settled, episodes=len(fixed.episodes))
        )
        given = dataclasses.replace(same, source=fixed, file=path)
        questions.append(same if same.digest == given.digest else given)
    return questions
