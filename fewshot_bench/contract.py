"""The contract: what every baseline must keep to, checked on pictures made for it.

Shapes: B images, C channels, H x W pixels, D features, N ways, K shots, Q queries, E episodes.
"""

from __future__ import annotations

import math
import pickle
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from fewshot_bench.baseline import Baseline, capability, has_head
from fewshot_bench.errors import NotApplicable, Unavailable, UserError
from fewshot_bench.leaks import Leak, depends_on_the_batch, untouched
from fewshot_bench.seeds import global_seed, set_anew
from fewshot_bench.subject import FEW_PASSES, SIDE, TRAIN_CLASSES, Subject

__all__ = ["CHECKS", "Finding", "examine"]

CLOSE = 1e-4  # of the largest score
APART = 0.8  # 3-way accuracy on patterns that anyone can tell apart, after a short training; chance is 0.33
NOISE_EPISODES = 20
SIGMAS = 4.5  # of a binomial share, that chance may stray


@dataclass(frozen=True)
class Finding:
    """One check of one baseline: `told` says what was expected, what came and why it matters, or why it was not checked."""

    check: str
    status: Literal["ok", "broken", "not checked"]
    told: str = ""


class Broken(Exception):
    """The contract is not kept."""

    def __init__(self, expected: str, came: str, why: str) -> None:
        super().__init__(f"expected {expected}; came {came}. {why}")


def _needs(condition: bool, expected: str, came: object, why: str) -> None:
    if not condition:
        raise Broken(expected, str(came), why)


def _same(first: Tensor, second: Tensor, expected: str, why: str, *, within: float = CLOSE) -> None:
    """Two answers are alike within a share of the largest score."""
    _needs(first.shape == second.shape, expected, f"{tuple(second.shape)} in the place of {tuple(first.shape)}", why)
    apart = float((first - second).abs().max()) / (float(first.abs().max()) or 1.0)
    _needs(apart <= within, expected, f"scores that differ by {apart:.1g} of the largest", why)


def answers_episodes(s: Subject) -> None:
    """It has a way of answering, and a card that says what it is."""
    capability(s.kind)
    _needs(bool(s.kind.card.title and s.kind.card.paper), "a card with title and paper", s.kind.card, "Tables name both.")


def learns(s: Subject) -> None:
    """`fit` ends, with a finite loss."""
    s.baseline  # noqa: B018


def shapes_and_ranges(s: Subject) -> None:
    """Features and scores have their shapes and are finite."""
    support, query = s.episode(3, 2)
    with global_seed(1), torch.no_grad():
        outputs: dict[str, tuple[Tensor, int | None]] = {}
        if capability(s.kind) != "predict":
            outputs["embed"] = (s.baseline.embed(query), None)
        if has_head(s.kind):
            outputs["logits"] = (s.baseline.logits(query), TRAIN_CLASSES)
    outputs["scores"] = (s.scores(support, query), 3)
    for name, (found, width) in outputs.items():
        wanted = f"{name} as {len(query)} rows{f' of {width}' if width else ''}, finite floats"
        good = found.ndim == 2 and len(found) == len(query) and width in (None, found.shape[1])
        _needs(good, wanted, tuple(found.shape), "Rows are images; a row too few shifts every answer.")
        finite = found.is_floating_point() and bool(torch.isfinite(found).all())
        _needs(
            finite,
            wanted,
            f"{found.dtype} with {int((~torch.isfinite(found)).sum())} not finite",
            "NaN compares as no class.",
        )


def support_order(s: Subject) -> None:
    """The order of the support images of a way does not matter."""
    support, query = s.episode(3, 5)
    turned = s.scores(support.flip(1), query)
    why = "The order of references carries no knowledge."
    _same(s.scores(support, query), turned, "the same scores for references in another order", why)


def way_order(s: Subject) -> None:
    """Permuted ways permute the answers, of few ways and of more than most methods are trained on."""
    if not s.kind.card.label_equivariant:
        raise NotApplicable("its card says label_equivariant=False")
    for ways in (3, 7):
        support, query = s.episode(ways, 2)
        order = torch.arange(ways).roll(1)
        why = "A favourite slot is no knowledge; or say label_equivariant=False on the card."
        expected = f"scores permuted as the {ways} ways were"
        _same(s.scores(support, query)[:, order], s.scores(support[order], query), expected, why)


def no_memory(s: Subject) -> None:
    """Asked A, B and A again, it answers A as before; other global random numbers change nothing."""
    a, b = s.episode(3, 2), s.episode(3, 2, first=4)
    before = s.scores(*a)
    s.scores(*b)
    torch.rand(7)
    _same(before, s.scores(*a), "the same answer to A, asked A, B, A", "Episodes must not teach it each other.")


def queries_alone(s: Subject) -> None:
    """One query at a time is answered as all at once."""
    if s.kind.card.transductive:
        raise NotApplicable("its card says transductive=True")
    support, query = s.episode(3, 2)
    together = s.scores(support, query)
    alone = not depends_on_the_batch(lambda one: s.scores(support, one), query, together)
    _needs(
        alone, "the same scores for a query alone", "others", "Batch statistics of queries leak; or say transductive=True."
    )


def same_seed(s: Subject) -> None:
    """The same seed gives the same bits."""
    asked = s.episode(3, 2)
    first, again = (s.scores(*asked, baseline=s.fitted(3, FEW_PASSES)) for _ in range(2))
    why = "Use context.seed and torch's global generator, nothing else."
    _same(first, again, "equal bits from equal seeds", why, within=0)


def stored(s: Subject) -> None:
    """`state` and `load` keep all that was learned."""
    copy, query = s.kind(s.settings()), s.episode(3, 2)
    with global_seed(5):
        copy.load({name: tensor.clone() for name, tensor in s.baseline.state().items()}, context=s.context(5))
    why = "A checkpoint that forgets gives other numbers next time."
    _same(s.scores(*query), s.scores(*query, baseline=copy), "the bits it answered before state and load", why, within=0)


def pickled(s: Subject) -> None:
    """It survives pickling, as worker processes need it."""
    why = "Worker processes get it pickled."
    try:
        copy = pickle.loads(pickle.dumps(s.baseline))
    except Exception as error:  # whatever its attributes raise
        raise Broken("a baseline that can be pickled", f"{type(error).__name__}: {error}", why) from error
    query = s.episode(3, 2)
    _same(s.scores(*query), s.scores(*query, baseline=copy), "the same scores after pickling", why)


def leaves_no_trace(s: Subject) -> None:
    """Answering changes neither it nor the images; it sets no global random generator, nor does `fit` but by its seed."""
    support, query = s.episode(3, 2)
    with untouched(s.baseline, query), untouched(s.baseline, support):
        s.scores(support, query)
    for what, act in (
        ("answering", lambda seed: s.answer(support, query)),
        ("fit", lambda seed: s.fit(seed, FEW_PASSES)),
    ):
        came = ", ".join(set_anew(act))
        why = "Whoever draws after it gets the same numbers again; draw from a torch.Generator of your own."
        _needs(not came, f"global random generators that {what} leaves to run on", f"a state of its own for {came}", why)


def ways_and_shots(s: Subject) -> None:
    """2 to 20 ways and 1 to 20 shots are answered, or it says that it cannot."""
    for ways, shots in ((2, 1), (2, 20), (7, 3), (20, 1)):
        try:
            found = s.scores(*s.episode(ways, shots, queries=1))
        except NotApplicable:
            continue
        good = found.shape == (ways, ways) and bool(torch.isfinite(found).all())
        _needs(
            good,
            f"{ways} scores a query, {ways}-way {shots}-shot",
            tuple(found.shape),
            "Raise NotApplicable where it cannot.",
        )


def chance_on_noise(s: Subject) -> None:
    """On pure noise it is at chance: it knows no more than the support tells."""
    rng, right, asked = torch.Generator().manual_seed(0), 0, 0
    for _ in range(NOISE_EPISODES):
        noise = torch.randint(0, 256, (3, 5, 1, SIDE, SIDE), generator=rng, dtype=torch.uint8)
        truth = torch.arange(3).repeat_interleave(4)  # in the order in which queries come: their place must tell nothing
        right += int((s.scores(noise[:, :1], noise[:, 1:].flatten(0, 1)).argmax(1) == truth).sum())
        asked += len(truth)
    reach = SIGMAS * math.sqrt(2 / 9 / asked)
    came, wanted = right / asked, f"{100 / 3:.0f} +- {100 * reach:.0f} % on noise"
    _needs(abs(came - 1 / 3) <= reach, wanted, f"{100 * came:.0f} %", "Better than chance on noise is a leak.")


def tells_patterns_apart(s: Subject) -> None:
    """Different patterns are recognised."""
    right = asked = 0
    for first in range(0, 18, 3):
        support, query = s.episode(3, 5, first=first)
        truth = torch.arange(3).repeat_interleave(len(query) // 3)
        right, asked = right + int((s.scores(support, query).argmax(1) == truth).sum()), asked + len(query)
    came, wanted = right / asked, f"at least {100 * APART:.0f} % on patterns anyone can tell apart"
    _needs(
        came >= APART, wanted, f"{100 * came:.0f} %", "Is the highest score the most alike, and are scores in way order?"
    )


CHECKS: dict[str, Callable[[Subject], None]] = {
    "answers episodes": answers_episodes, "learns": learns, "shapes and ranges": shapes_and_ranges,
    "support order": support_order, "way order": way_order, "no memory": no_memory, "queries alone": queries_alone,
    "same seed, same bits": same_seed, "state and load": stored, "picklable": pickled, "leaves no trace": leaves_no_trace,
    "ways and shots": ways_and_shots, "chance on noise": chance_on_noise, "tells patterns apart": tells_patterns_apart,
}  # fmt: skip
FIRST = ("answers episodes", "learns")  # where these break nothing else can be checked


def examine(kind: type[Baseline]) -> Iterator[Finding]:
    """Every check of one baseline, one after another; what it raises is a finding, not an error."""
    subject = Subject(kind)
    for name, check in CHECKS.items():
        try:
            check(subject)
        except (NotApplicable, Unavailable) as reason:
            yield Finding(name, "not checked", str(reason))
        except Leak as reason:
            told = f"expected answers that leave all as it was; {reason}. Episodes must not teach it each other."
            yield Finding(name, "broken", told)
        except (Broken, UserError) as reason:
            yield Finding(name, "broken", str(reason))
        except Exception as error:  # a stranger's method may fail in any way
            yield Finding(name, "broken", f"expected an answer; came {_raised(error)}. An error ends all of its cells.")
        else:
            yield Finding(name, "ok")
            continue
        if name in FIRST:
            return


def _raised(error: Exception) -> str:
    """What was raised, on one line, and where."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {' '.join(str(error).split())} ({Path(last.filename).name}, line {last.lineno})"
