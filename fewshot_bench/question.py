"""What is asked of every baseline: the episodes of a protocol at one shot value, drawn or replayed from a file."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from pathlib import Path

from fewshot_bench.episode import EpisodeSource, FixedEpisodes, Pool, prefixes
from fewshot_bench.errors import UserError
from fewshot_bench.labelled import LabelledImages
from fewshot_bench.protocol import Protocol
from fewshot_bench.records import read_episodes

__all__ = ["Question", "ask", "replay"]


@dataclass(frozen=True, eq=False)
class Question:
    """One shot value of a protocol with its episodes: the same for every baseline."""

    protocol: Protocol
    shots: int
    source: EpisodeSource
    pool: Pool
    file: Path | None = None

    @property
    def episodes(self) -> int:
        """How many."""
        return self.protocol.episodes

    @functools.cached_property
    def digests(self) -> dict[int, str]:
        """Digests of the prefixes of its episodes."""
        return prefixes(self.source, self.episodes)

    @property
    def digest(self) -> str:
        """The digest of all its episodes."""
        return self.digests[self.episodes]

    def at_most(self, episodes: int | None) -> Question:
        """The same question with fewer episodes, for a slow baseline."""
        if episodes is None or episodes >= self.episodes:
            return self
        return dataclasses.replace(self, protocol=dataclasses.replace(self.protocol, episodes=episodes))


def ask(protocol: Protocol, data: LabelledImages) -> list[Question]:
    """The questions of a protocol: one a shot value."""
    pool = protocol.pool(data)
    return [Question(protocol, shots, protocol.drawn(data.digest, pool, shots), pool) for shots in protocol.shots]


def replay(path: Path, data: LabelledImages) -> list[Question]:
    """The questions that a file of episodes holds; raises `UserError` where they do not fit the data set.

    Episodes that the protocol would draw itself are drawn, so that only those of another origin need the file.
    """
    episodes, about = read_episodes(path)
    if about["dataset_digest"] != data.digest:
        raise UserError(f"{path} holds episodes of another data set than {data.name}; name the one it was made from")
    stored = Protocol.from_dict(about["protocol"])
    questions = []
    for drawn in ask(stored.over(data, stored.train_classes, stored.test_classes), data):
        if drawn.shots not in episodes:
            raise UserError(f"{path} holds no episodes with {drawn.shots} shots; make it anew with bench episodes")
        fixed = FixedEpisodes(episodes[drawn.shots])
        fault = fixed.fault(drawn.pool, stored.ways, drawn.shots)
        if fault:
            raise UserError(f"{path}, {drawn.shots} shots: {fault}; make it anew with bench episodes")
        asked = dataclasses.replace(drawn.protocol, episodes=len(fixed.episodes))
        same = Question(asked, drawn.shots, drawn.source, drawn.pool)
        given = Question(asked, drawn.shots, fixed, drawn.pool, path)
        questions.append(same if same.digest == given.digest else given)
    return questions
