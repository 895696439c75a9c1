"""The contract: what every baseline must keep to, checked on images made for it.

Shapes: N ways, K shots, Q queries, E episodes.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterator

import safetensors.torch
import torch
from torch import Tensor

from fewshot_bench.baseline import Baseline
from fewshot_bench.contract.answering import (
    answers_blocks,
    checked_call,
    composes,
    episode_rule,
    has_head,
)
from fewshot_bench.contract.expectations import (
    ContractBroken,
    expect,
    expect_rows,
    expect_same_scores,
)
from fewshot_bench.contract.finding import Finding, Raised, findings
from fewshot_bench.contract.leaks import assert_untouched, depends_on_the_batch
from fewshot_bench.contract.subject import (
    FEW_PASSES,
    SIDE,
    TRAIN_CLASSES,
    Subject,
)
from fewshot_bench.errors import NotApplicable
from fewshot_bench.rule import Rule
from fewshot_bench.seeds import generators_reset_by, global_seed

__all__ = ["CHECKS", "examine"]

# least 3-way accuracy on patterns that anyone can tell apart, after a short training; chance is 1/3
LEAST_ACCURACY = 0.8
NOISE_EPISODES = 20
NOISE_QUERIES = 4  # of each way
SIGMAS = 4.5  # standard deviations by which a share of right answers may differ from chance


def has_a_rule_and_a_card(subject: Subject) -> None:
    """It has a rule to answer episodes by, and a card with title and paper."""
    episode_rule(subject.baseline_class)
    card = subject.baseline_class.card
    is_complete = bool(card.title and card.paper)
    expect(is_complete, "a card with title and paper", card, "Tables name both.")


def training_ends_with_a_finite_loss(subject: Subject) -> None:
    """`fit` ends, and reports no loss that is not finite."""
    subject.train()


def answers_have_their_shapes(subject: Subject) -> None:
    """Features and scores have their shapes and are finite."""
    _, query = subject.episode(3, 2)
    images = len(query)
    with global_seed(1), torch.no_grad():
        if not subject.answers_from_images:
            expect_rows("embed", checked_call(subject.baseline, "embed", query), images)
        if has_head(subject.baseline_class):
            logits = checked_call(subject.baseline, "logits", query)
            width = TRAIN_CLASSES + subject.baseline_class.answers_none
            expect_rows("logits", logits, images, width)
        if composes(subject.baseline_class):
            # each train class is a kind of defect of its own, and here a class is all but one
            defects_CP = ~torch.eye(TRAIN_CLASSES, dtype=torch.bool)
            scores = checked_call(subject.baseline, "compose", query, defects_CP)
            expect_rows("compose", scores, images, TRAIN_CLASSES)
    try:
        scores = subject.reference_scores
    except NotApplicable as reason:
        raise ContractBroken(
            "an answer to a 3-way 2-shot episode",
            f"NotApplicable ({reason})",
            "Nothing can be checked without one.",
        ) from None
    expect_rows("scores", scores, images, 3)


def answering_changes_nothing(subject: Subject) -> None:
    """Answering changes neither the baseline nor the images and features it takes."""
    episode = subject.episode(3, 2)
    with global_seed(1):
        with assert_untouched(subject.baseline, *episode):
            inputs = subject.rule_inputs(*episode)
        with assert_untouched(subject.baseline, *inputs):
            subject.scores_from_inputs(*inputs)


def order_of_support_does_not_matter(subject: Subject) -> None:
    """The support images of a way may come in any order."""
    support, query = subject.episode(3, 5)
    scores = subject.scores(support, query)
    reversed_scores = subject.scores(support.flip(1), query)
    expected = "the same scores for references in another order"
    why = "The order of references carries no information."
    expect_same_scores(scores, reversed_scores, expected, why)


def permuted_ways_permute_scores(subject: Subject) -> None:
    """Scores follow their ways, with few ways and with more than most methods are trained on."""
    if not subject.baseline_class.card.label_equivariant:
        raise NotApplicable("its card says label_equivariant=False")
    for ways in (3, 7):
        support, query = subject.episode(ways, 2)
        order = torch.arange(ways).roll(1)
        scores = subject.scores(support, query)[:, order]
        permuted_scores = subject.scores(support[order], query)
        expected = f"scores permuted as the {ways} ways were"
        why = "The position of a way carries no information; or say label_equivariant=False."
        expect_same_scores(scores, permuted_scores, expected, why)


def earlier_episodes_do_not_matter(subject: Subject) -> None:
    """It answers A as before after other episodes, and those as a copy that answered none."""
    why = "One episode must not influence the answers to another."
    firsts = range(3, 15, 2)
    support, query = subject.episode(3, 2)
    with global_seed(1):
        support, query = subject.rule_inputs(support.clone(), query.clone())
    later_scores = []
    for first in firsts:
        with global_seed(1):
            inputs = subject.rule_inputs(*subject.episode(3, 2, first=first))
            # the same tensors with another episode in them: a memory cannot go by their identity
            support.copy_(inputs[0])
            query.copy_(inputs[1])
            later_scores.append(subject.scores_from_inputs(support, query))
    for first, scores in zip(firsts, later_scores, strict=True):
        episode = subject.episode(3, 2, first=first)
        fresh_scores = subject.scores(*episode, baseline=subject.fresh_copy())
        expected = "the same answer whatever was asked before"
        expect_same_scores(fresh_scores, scores, expected, why)
    last_scores = subject.scores(*subject.episode(3, 2))
    expected = "the same answer to A, asked A, B, A"
    expect_same_scores(subject.reference_scores, last_scores, expected, why)


def queries_are_answered_alone(subject: Subject) -> None:
    """One query alone gets the answer that it gets together with others."""
    if subject.baseline_class.card.transductive:
        raise NotApplicable("its card says transductive=True")
    support, query = subject.episode(3, 2)
    depends = depends_on_the_batch(
        lambda part: subject.scores(support, part), query, subject.reference_scores
    )
    why = "Other queries must not help, by batch statistics, say; or say transductive=True."
    expect(not depends, "the same scores for a query alone", "others", why)


def blocks_are_answered_as_single_episodes(subject: Subject) -> None:
    """`classify_block` answers each episode as if it were alone, whatever its padding."""
    if not answers_blocks(subject.baseline_class):
        return  # asked one episode after another
    supports = []
    queries = []
    for lacking, first in enumerate((0, 3, 6)):
        with global_seed(1):
            support, query = subject.rule_inputs(*subject.episode(3, 2, first=first))
        query[len(query) - lacking :] = 0
        supports.append(support)
        queries.append(query)
    with global_seed(1), torch.no_grad():
        blocks = torch.stack(supports), torch.stack(queries)
        scores_TQN = checked_call(subject.baseline, "classify_block", *blocks).float()
    for lacking, (support, query) in enumerate(zip(supports, queries, strict=True)):
        answered = len(query) - lacking
        with global_seed(1):
            alone_QN = subject.scores_from_inputs(support, query[:answered])
        expected = "the same scores for an episode in a block as alone"
        why = "An episode must not hang on others that are answered with it."
        expect_same_scores(alone_QN, scores_TQN[lacking][:answered], expected, why)


def equal_seeds_give_equal_bits(subject: Subject) -> None:
    """Two trainings from one seed answer alike, bit by bit."""
    episode = subject.episode(3, 2)
    first_scores = subject.scores(*episode, baseline=subject.short_trainings.first)
    again = subject.fitted(1, FEW_PASSES)  # the same seed
    second_scores = subject.scores(*episode, baseline=again)
    why = "Use context.seed and torch's global generator, nothing else."
    expect_same_scores(first_scores, second_scores, "equal bits from equal seeds", why, tolerance=0)


def state_and_load_keep_all(subject: Subject) -> None:
    """`state` and `load` keep all that was learned, by way of a file."""
    why = "A checkpoint that loses something gives other numbers next time."
    tensors = {}
    for name, value in subject.baseline.state().items():
        came = f"{type(value).__name__} for {name!r}"
        expect(isinstance(value, Tensor), "a state of tensors", came, why)
        tensors[name] = value.contiguous()
    stored = safetensors.torch.load(safetensors.torch.save(tensors))
    restored = subject.baseline_class(subject.settings())
    with global_seed(5):
        restored.load(stored, context=subject.context(5))
    scores = subject.scores(*subject.episode(3, 2), baseline=restored)
    expected = "the bits it answered before state and load"
    expect_same_scores(subject.reference_scores, scores, expected, why, tolerance=0)


def pickling_keeps_all(subject: Subject) -> None:
    """An unpickled copy answers alike."""
    why = "Baselines are copied this way."
    try:
        unpickled = pickle.loads(pickle.dumps(subject.baseline))
    except Exception as error:  # whatever its attributes raise
        came = f"{type(error).__name__}: {error}"
        raise ContractBroken("a baseline that can be pickled", came, why) from error
    scores = subject.scores(*subject.episode(3, 2), baseline=unpickled)
    expect_same_scores(subject.reference_scores, scores, "the same scores after pickling", why)


def learns_from_what_it_says(subject: Subject) -> None:
    """Another seed changes nothing if it learns from nothing, nor other images if from the seed."""
    learns_from = subject.baseline_class.learns_from
    if learns_from == "images":
        return  # all of its features are made anew for other images
    seed = 2 if learns_from == "nothing" else 1
    others = subject.fitted(seed, FEW_PASSES, subject.other_images)
    _, query = subject.episode(3, 2)
    with global_seed(1), torch.no_grad():
        first = checked_call(subject.short_trainings.first, "embed", query)
        second = checked_call(others, "embed", query)
    expected = f"the same features whatever it was fitted to, as it says learns_from={learns_from}"
    why = "Its features are shared by all splits of the classes."
    expect(torch.equal(first, second), expected, "others", why)


def global_generators_run_on(subject: Subject) -> None:
    """Answering sets no global random generator, and `fit` none but by its seed."""
    episode = subject.episode(3, 2)
    reset_by = {
        "answering": generators_reset_by(lambda seed: subject.unseeded_scores(*episode)),
        "fit": subject.short_trainings.generators_reset,
    }
    for action, generators in reset_by.items():
        expected = f"global random generators that {action} leaves to run on"
        came = f"a state of its own for {', '.join(generators)}"
        why = "Later draws give the same numbers again; draw from your own torch.Generator."
        expect(not generators, expected, came, why)


def many_ways_and_shots_are_answered(subject: Subject) -> None:
    """2 to 20 ways and 1 to 20 shots are answered, or it says that it cannot."""
    for ways, shots in ((2, 1), (2, 20), (7, 3), (20, 1)):
        try:
            scores = subject.scores(*subject.episode(ways, shots, queries=1))
        except NotApplicable:
            continue
        has_shape = scores.shape == (ways, ways)
        is_finite = bool(torch.isfinite(scores).all())
        expected = f"{ways} finite scores a query, {ways}-way {shots}-shot"
        why = "Raise NotApplicable where it cannot."
        expect(has_shape and is_finite, expected, tuple(scores.shape), why)


def noise_is_answered_at_chance(subject: Subject) -> None:
    """On pure noise it is right as often as chance: the queries are unrelated to the support."""
    rng = torch.Generator().manual_seed(0)
    shape = (3, 1 + NOISE_QUERIES, 1, SIDE, SIDE)
    # class by class, as queries may come: their order must not help
    truth = torch.arange(3).repeat_interleave(NOISE_QUERIES)
    right = 0
    for _ in range(NOISE_EPISODES):
        noise = torch.randint(0, 256, shape, generator=rng, dtype=torch.uint8)
        scores = subject.scores(noise[:, :1], noise[:, 1:].flatten(0, 1))
        right += int((scores.argmax(1) == truth).sum())
    answers = NOISE_EPISODES * len(truth)
    accuracy = right / answers
    chance = 1 / 3
    margin = SIGMAS * math.sqrt(chance * (1 - chance) / answers)
    expected = f"{100 * chance:.0f} +- {100 * margin:.0f} % on noise"
    came = f"{100 * accuracy:.0f} %"
    is_at_chance = abs(accuracy - chance) <= margin
    expect(is_at_chance, expected, came, "Better than chance on noise is a leak.")


def patterns_are_recognised(subject: Subject) -> None:
    """Different patterns are recognised, and each way of an episode is the answer now and then."""
    for ways, firsts in ((3, range(0, 18, 3)), (7, range(0, 14, 7))):
        recalls = []
        try:
            for first in firsts:
                recalls.append(_recalls(subject, ways, first))
        except NotApplicable:
            continue
        recalls_EN = torch.stack(recalls)
        if ways == 3:
            accuracy = float(recalls_EN.mean())
            percent = 100 * LEAST_ACCURACY
            expected = f"at least {percent:.0f} % on patterns anyone can tell apart, {ways} ways"
            why = "Is the highest score the most alike, and are scores in way order?"
            expect(accuracy >= LEAST_ACCURACY, expected, f"{100 * accuracy:.0f} %", why)
        lowest_recall = float(recalls_EN.mean(0).min())
        expected = f"every one of {ways} ways to be answered"
        why = "Raise NotApplicable for more ways than it has answers for."
        expect(lowest_recall > 0, expected, "one that never was, rightly", why)


def _recalls(subject: Subject, ways: int, first: int) -> Tensor:
    """The share of the queries of each way (N,) that are answered rightly."""
    episode = subject.episode(ways, 5, first=first)
    scores = subject.scores(*episode)
    predicted_NQ = scores.argmax(1).view(ways, -1)
    truth_N1 = torch.arange(ways)[:, None]
    return (predicted_NQ == truth_N1).float().mean(1)


CHECKS: dict[str, Callable[[Subject], None]] = {
    "answers episodes": has_a_rule_and_a_card,
    "learns": training_ends_with_a_finite_loss,
    "shapes and ranges": answers_have_their_shapes,
    "leaves no trace": answering_changes_nothing,
    "support order": order_of_support_does_not_matter,
    "way order": permuted_ways_permute_scores,
    "no memory": earlier_episodes_do_not_matter,
    "queries alone": queries_are_answered_alone,
    "blocks": blocks_are_answered_as_single_episodes,
    "same seed, same bits": equal_seeds_give_equal_bits,
    "learns from": learns_from_what_it_says,
    "state and load": state_and_load_keep_all,
    "picklable": pickling_keeps_all,
    "global random state": global_generators_run_on,
    "ways and shots": many_ways_and_shots_are_answered,
    "chance on noise": noise_is_answered_at_chance,
    "tells patterns apart": patterns_are_recognised,
}
# where one of these is broken, what the later checks find says nothing
ESSENTIAL = ("answers episodes", "learns", "shapes and ranges", "leaves no trace")
RAISED = Raised("an answer", "An error ends all of its cells.")


def examine(
    baseline_class: type[Baseline], rule_class: type[Rule] | None = None
) -> Iterator[Finding]:
    """Check one baseline, one check after another. What it raises is a finding, not an error.

    rule_class: of the rule that the baseline names, if it does.
    """
    subject = Subject(baseline_class, rule_class)
    yield from findings(subject, CHECKS, ESSENTIAL, baseline_class, RAISED)
