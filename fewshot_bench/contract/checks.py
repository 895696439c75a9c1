"""The contract: what every baseline must keep to, checked on pictures made for it.

Shapes: B images, C channels, H x W pixels, D features, N ways, K shots, Q queries, E episodes.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import math
import pickle
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import safetensors.torch
import torch
from torch import Tensor

from fewshot_bench.baseline import Baseline
from fewshot_bench.contract.answering import checked_call, episode_rule, has_head
from fewshot_bench.contract.leaks import (
    TOLERANCE,
    Leak,
    apart,
    assert_untouched,
    depends_on_the_batch,
)
from fewshot_bench.contract.subject import FEW_PASSES, SIDE, TRAIN_CLASSES, Subject
from fewshot_bench.errors import PLUGIN_ERRORS, NotApplicable, Unavailable, UserError
from fewshot_bench.seeds import generators_reset_by, global_seed

__all__ = ["CHECKS", "Finding", "examine"]

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


def _same(
    first: Tensor, second: Tensor, expected: str, why: str, *, within: float = TOLERANCE
) -> None:
    """Two answers are alike within a share of the largest score; to the bit where that is 0."""
    _needs(
        first.shape == second.shape,
        expected,
        f"{tuple(second.shape)} in the place of {tuple(first.shape)}",
        why,
    )
    alike = apart(first, second) <= within if within else torch.equal(first, second)
    _needs(
        alike,
        expected,
        f"scores that differ by up to {float((first - second).abs().max()):.1g}",
        why,
    )


def answers_episodes(s: Subject) -> None:
    """It has a way of answering, and a card that says what it is."""
    episode_rule(s.kind)
    _needs(
        bool(s.kind.card.title and s.kind.card.paper),
        "a card with title and paper",
        s.kind.card,
        "Tables name both.",
    )


def learns(s: Subject) -> None:
    """`fit` ends, with a finite loss."""
    s.baseline  # noqa: B018
    with contextlib.suppress(Exception):  # what cannot be copied is found where it is asked for
        s.untold  # noqa: B018


def shapes_and_ranges(s: Subject) -> None:
    """Features and scores have their shapes and are finite."""
    support, query = s.episode(3, 2)
    with global_seed(1), torch.no_grad():
        if episode_rule(s.kind) != "predict":
            _rows("embed", checked_call(s.baseline, "embed", query), len(query))
        if has_head(s.kind):
            _rows("logits", checked_call(s.baseline, "logits", query), len(query), TRAIN_CLASSES)
    try:
        scores = s.scores(support, query)
    except NotApplicable as reason:
        came = f"NotApplicable ({reason})"
        raise Broken(
            "an answer to a 3-way 2-shot episode", came, "Nothing can be checked without one."
        ) from None
    _rows("scores", scores, len(query), 3)


def _rows(name: str, found: Tensor, count: int, width: int | None = None) -> None:
    wanted = f"{name} as {count} rows{f' of {width}' if width else ''}, finite floats"
    good = found.ndim == 2 and len(found) == count and width in (None, found.shape[1])
    _needs(good, wanted, tuple(found.shape), "Rows are images; a row too few shifts every answer.")
    _needs(
        found.is_floating_point(),
        wanted,
        found.dtype,
        "Means and distances are taken of them; call float().",
    )
    lost = int((~torch.isfinite(found)).sum())
    _needs(not lost, wanted, f"{lost} of {found.numel()} not finite", "NaN compares as no class.")


def leaves_no_trace(s: Subject) -> None:
    """Answering changes neither it nor what it is handed."""
    asked = s.episode(3, 2)
    with global_seed(1):
        with assert_untouched(s.baseline, *asked):
            handed = s.handed(*asked)
        with assert_untouched(s.baseline, *handed):
            s.decided(*handed)


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
    """Asked A, B and A again, it answers A as before, and all the others as a copy of it that was asked nothing."""
    why, a, others = "Episodes must not teach it each other.", s.episode(3, 2), range(3, 15, 2)
    before, told = s.scores(*a), []
    with global_seed(1):
        here = s.handed(a[0].clone(), a[1].clone())
    for first in others:
        with global_seed(1):
            for tensor, new in zip(here, s.handed(*s.episode(3, 2, first=first)), strict=True):
                tensor.copy_(
                    new
                )  # one tensor with another episode in it: neither its name nor its place says which
            told.append(s.decided(*here))
    for first, now in zip(others, told, strict=True):
        fresh = s.scores(*s.episode(3, 2, first=first), baseline=copy.deepcopy(s.untold))
        _same(fresh, now, "the same answer whatever was asked before", why)
    _same(before, s.scores(*a), "the same answer to A, asked A, B, A", why)


def queries_alone(s: Subject) -> None:
    """One query at a time is answered as all at once."""
    if s.kind.card.transductive:
        raise NotApplicable("its card says transductive=True")
    support, query = s.episode(3, 2)
    together = s.scores(support, query)
    alone = not depends_on_the_batch(lambda one: s.scores(support, one), query, together)
    _needs(
        alone,
        "the same scores for a query alone",
        "others",
        "Batch statistics of queries leak; or say transductive=True.",
    )


def same_seed(s: Subject) -> None:
    """The same seed gives the same bits."""
    asked = s.episode(3, 2)
    first, again = (s.scores(*asked, baseline=s.fitted(3, FEW_PASSES)) for _ in range(2))
    why = "Use context.seed and torch's global generator, nothing else."
    _same(first, again, "equal bits from equal seeds", why, within=0)


def stored(s: Subject) -> None:
    """`state` and `load` keep all that was learned, by way of a file."""
    kept, query = s.baseline.state(), s.episode(3, 2)
    why = "A checkpoint that forgets gives other numbers next time."
    for name, value in kept.items():
        _needs(
            isinstance(value, Tensor),
            "a state of tensors",
            f"{type(value).__name__} for {name!r}",
            why,
        )
    packed = {name: value.contiguous() for name, value in kept.items()}
    restored = s.kind(s.settings())
    with global_seed(5):
        restored.load(safetensors.torch.load(safetensors.torch.save(packed)), context=s.context(5))
    expected = "the bits it answered before state and load"
    _same(s.scores(*query), s.scores(*query, baseline=restored), expected, why, within=0)


def pickled(s: Subject) -> None:
    """It survives pickling."""
    why = "Copies are made of it so."
    try:
        unpickled = pickle.loads(pickle.dumps(s.baseline))
    except Exception as error:  # whatever its attributes raise
        raise Broken(
            "a baseline that can be pickled", f"{type(error).__name__}: {error}", why
        ) from error
    query = s.episode(3, 2)
    _same(
        s.scores(*query),
        s.scores(*query, baseline=unpickled),
        "the same scores after pickling",
        why,
    )


def global_random_state(s: Subject) -> None:
    """Answering sets no global random generator, nor does `fit` but by its seed."""
    asked = s.episode(3, 2)
    for what, act in (
        ("answering", lambda seed: s.answer(*asked)),
        ("fit", lambda seed: s.fit(seed, FEW_PASSES)),
    ):
        came = ", ".join(generators_reset_by(act))
        why = "Whoever draws after it gets the same numbers again; draw from a torch.Generator of your own."
        _needs(
            not came,
            f"global random generators that {what} leaves to run on",
            f"a state of its own for {came}",
            why,
        )


def ways_and_shots(s: Subject) -> None:
    """2 to 20 ways and 1 to 20 shots are answered, or it says that it cannot."""
    for ways, shots in ((2, 1), (2, 20), (7, 3), (20, 1)):
        with contextlib.suppress(NotApplicable):
            found = s.scores(*s.episode(ways, shots, queries=1))
            wanted = f"{ways} scores a query, {ways}-way {shots}-shot"
            good = found.shape == (ways, ways) and bool(torch.isfinite(found).all())
            _needs(good, wanted, tuple(found.shape), "Raise NotApplicable where it cannot.")


def chance_on_noise(s: Subject) -> None:
    """On pure noise it is at chance: it knows no more than the support tells."""
    rng, right, asked = torch.Generator().manual_seed(0), 0, 0
    for _ in range(NOISE_EPISODES):
        noise = torch.randint(0, 256, (3, 5, 1, SIDE, SIDE), generator=rng, dtype=torch.uint8)
        truth = torch.arange(3).repeat_interleave(
            4
        )  # in the order in which queries come: their place must tell nothing
        right += int((s.scores(noise[:, :1], noise[:, 1:].flatten(0, 1)).argmax(1) == truth).sum())
        asked += len(truth)
    reach = SIGMAS * math.sqrt(2 / 9 / asked)
    came, wanted = right / asked, f"{100 / 3:.0f} +- {100 * reach:.0f} % on noise"
    _needs(
        abs(came - 1 / 3) <= reach,
        wanted,
        f"{100 * came:.0f} %",
        "Better than chance on noise is a leak.",
    )


def tells_patterns_apart(s: Subject) -> None:
    """Different patterns are recognised, and every way of an episode is, of as many as it answers."""
    whys = "Is the highest score the most alike, and are scores in way order?"
    for ways, firsts in ((3, range(0, 18, 3)), (7, range(0, 14, 7))):
        with contextlib.suppress(NotApplicable):
            right_EN = torch.stack([_recalled(s, ways, first) for first in firsts])
            accuracy, least = float(right_EN.mean()), float(right_EN.mean(0).min())
            expected = (
                f"at least {100 * APART:.0f} % on patterns anyone can tell apart, {ways} ways"
            )
            _needs(ways > 3 or accuracy >= APART, expected, f"{100 * accuracy:.0f} %", whys)
            seldom = "Raise NotApplicable for more ways than it has answers for."
            _needs(
                least > 0,
                f"every one of {ways} ways to be answered",
                "one that never was, rightly",
                seldom,
            )


def _recalled(s: Subject, ways: int, first: int) -> Tensor:
    """The share of the queries of each way (N,) that are answered rightly."""
    found = s.scores(*s.episode(ways, 5, first=first)).argmax(1).view(ways, -1)
    return (found == torch.arange(ways)[:, None]).float().mean(1)


CHECKS: dict[str, Callable[[Subject], None]] = {
    "answers episodes": answers_episodes, "learns": learns, "shapes and ranges": shapes_and_ranges,
    "leaves no trace": leaves_no_trace, "support order": support_order, "way order": way_order, "no memory": no_memory,
    "queries alone": queries_alone, "same seed, same bits": same_seed, "state and load": stored, "picklable": pickled,
    "global random state": global_random_state, "ways and shots": ways_and_shots, "chance on noise": chance_on_noise,
    "tells patterns apart": tells_patterns_apart,
}  # fmt: skip
FIRST = tuple(CHECKS)[:4]  # where one of these is broken, what the others find says nothing


def examine(kind: type[Baseline]) -> Iterator[Finding]:
    """Every check of one baseline, one after another; what it raises is a finding, not an error."""
    subject, broken = Subject(kind), ""
    for name, check in CHECKS.items():
        found = (
            Finding(name, "not checked", f"mend {broken!r} first")
            if broken
            else _looked_at(subject, name, check)
        )
        yield found
        if name in FIRST and found.status != "ok":
            broken = broken or name


def _looked_at(subject: Subject, name: str, check: Callable[[Subject], None]) -> Finding:
    try:
        check(subject)
    except (NotApplicable, Unavailable) as reason:
        return Finding(name, "not checked", str(reason))
    except Leak as reason:
        told = f"expected answers that leave all as it was; {reason}. Episodes must not teach it each other."
        return Finding(name, "broken", told)
    except (Broken, UserError) as reason:
        return Finding(name, "broken", str(reason))
    except PLUGIN_ERRORS as error:
        told = f"expected an answer; came {_raised(error, subject.kind)}. An error ends all of its cells."
        return Finding(name, "broken", told)
    return Finding(name, "ok")


def _raised(error: BaseException, kind: type[Baseline]) -> str:
    """What was raised, on one line, and where in the method's file."""
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == inspect.getfile(kind)
    ]
    place = f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{place}"
