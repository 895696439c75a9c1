"""Blocks of episodes, answered at once by a rule.

Shapes: M embedded images, D features, T episodes, N ways, K shots, Q queries of an episode, B
episodes of a block, V = N * K + Q images of an episode. Query positions below 0 are padding.
"""

from __future__ import annotations

from typing import assert_never

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fewshot_bench.contract.leaks import assert_untouched
from fewshot_bench.engine import scoring
from fewshot_bench.engine.rule_features import RuleFeatures
from fewshot_bench.engine.rule_leaks import assert_answered_as_alone
from fewshot_bench.engine.scoring import Answers, Floats, Ints
from fewshot_bench.errors import NotApplicable
from fewshot_bench.rule import Products, Together

__all__ = ["BlockAnswers"]

PRODUCTS = 400_000  # of all images of an episode, gathered at once
FEATURES = 1_200_000  # gathered at once for a rule that goes through them many times: 4.8 MB
WHOLE = 512  # images of an episode from which on it is gathered without a table of indices


class BlockAnswers:
    """Answers by the method of a rule that answers blocks, and the leak checks that go with it.

    seed: of the orders of queries. unfinished: in how many episodes the rule's iterations did not
    converge.
    """

    def __init__(self, of_rule: RuleFeatures, seed: int) -> None:
        self.of_rule = of_rule
        self.seed = seed
        self.unfinished = 0

    def answers(self, support_TNK: Ints, query_TQ: Ints, vectors: int) -> Answers:
        """The answers to each query. vectors: about how many features would be gathered.

        Raises `Leak` where the rule uses what it must not, `Diverged` where a score is not finite,
        `NotApplicable` where an episode is too large.
        """
        of_rule = self.of_rule
        with assert_untouched(of_rule.rule):
            if of_rule.rule.card.transductive:
                answers = self._in_random_orders(support_TNK, query_TQ, vectors)
            else:
                answers = self._answers(support_TNK, query_TQ, vectors)
        assert_answered_as_alone(
            of_rule.fresh_rule,
            of_rule.transformed_MD,
            torch.from_numpy(of_rule.engine_MD),
            support_TNK,
            query_TQ,
            answers.ways_TQ,
        )
        return answers

    def _in_random_orders(self, support_TNK: Ints, query_TQ: Ints, vectors: int) -> Answers:
        """Queries in an order of its own for each episode.

        A rule that sees the queries of many episodes together must not find those of one class at
        one place.
        """
        generator = np.random.default_rng(self.seed)
        places_TQ = np.broadcast_to(np.arange(query_TQ.shape[1]), query_TQ.shape)
        order_TQ = generator.permuted(places_TQ, axis=1)
        shuffled_TQ = np.take_along_axis(query_TQ, order_TQ, axis=1)
        answers = self._answers(support_TNK, shuffled_TQ, vectors)
        back_TQ = order_TQ.argsort(axis=1)
        ways_TQ = np.take_along_axis(answers.ways_TQ, back_TQ, axis=1)
        scores_TQ = np.take_along_axis(answers.scores_TQ, back_TQ, axis=1)
        return Answers(ways_TQ, scores_TQ)

    def _answers(self, support_TNK: Ints, query_TQ: Ints, vectors: int) -> Answers:
        of_rule = self.of_rule
        pays = scoring.pays(len(of_rule.engine_MD), vectors)
        match of_rule.rule.block_method():
            case "score_products" if pays:
                matrix_MM = of_rule.products_MM
                return scoring.from_matrix(self._by_products, matrix_MM, support_TNK, query_TQ)
            case "score_products":
                features_MD = of_rule.engine_MD
                return scoring.from_features(self._by_products, features_MD, support_TNK, query_TQ)
            case "score_together":
                return self._together(support_TNK, query_TQ, pays)
            case "score_block":
                return self._by_features(support_TNK, query_TQ)
            case None:
                raise ValueError("the rule does not answer blocks")
            case method:
                assert_never(method)

    def _by_products(self, products: Products) -> Tensor:
        scores_NBQ = self.of_rule.rule.score_products(products)
        self.unfinished += products.unfinished
        return scores_NBQ

    def _together(self, support_TNK: Ints, query_TQ: Ints, pays: bool) -> Answers:
        """By a rule that reads the products of all images of an episode."""
        ways = support_TNK.shape[1]
        images = support_TNK[0].size + query_TQ.shape[1]
        if images > scoring.LARGEST_MATRIX:
            raise NotApplicable(
                f"it compares all {images} images of an episode with each other (allowed: "
                f"{scoring.LARGEST_MATRIX}); --queries asks about fewer"
            )

        def scores(support_BNK: Ints, query_BQ: Ints) -> Tensor:
            images_BV = _images(support_BNK, query_BQ)
            if pays:
                products_BVV = _gathered(self.of_rule.products_MM, images_BV)
            else:
                features_BVD = _features(self.of_rule.engine_MD, images_BV)
                products_BVV = features_BVD @ features_BVD.mT
            is_image_BV = torch.from_numpy(images_BV >= 0)
            if not is_image_BV.all():
                products_BVV.masked_fill_(~(is_image_BV[:, :, None] & is_image_BV[:, None]), 0)
            is_query_BQ = torch.from_numpy(query_BQ >= 0)
            together = Together(products_BVV, is_query_BQ, ways)
            scores_NBQ = self.of_rule.rule.score_together(together)
            self.unfinished += together.unfinished
            return scores_NBQ

        return scoring.in_blocks(scores, support_TNK, query_TQ, PRODUCTS // images**2)

    def _by_features(self, support_TNK: Ints, query_TQ: Ints) -> Answers:
        features_MD = self.of_rule.transformed_MD.numpy()
        ways = support_TNK.shape[1]

        def scores(support_BNK: Ints, query_BQ: Ints) -> Tensor:
            images_BVD = _features(features_MD, _images(support_BNK, query_BQ))
            is_query_BQ = torch.from_numpy(query_BQ >= 0)
            return self.of_rule.rule.score_block(images_BVD, is_query_BQ, ways)

        images = support_TNK[0].size + query_TQ.shape[1]
        block = FEATURES // (images * features_MD.shape[1])
        return scoring.in_blocks(scores, support_TNK, query_TQ, block)


def _images(support_BNK: Ints, query_BQ: Ints) -> npt.NDArray[np.int32]:
    """Positions (B, V) of the references, class by class, then of the queries."""
    support_BS = support_BNK.reshape(len(support_BNK), -1)
    return np.concatenate([support_BS, query_BQ], axis=1).astype(np.int32)


def _gathered(matrix_MM: Floats, images_BV: npt.NDArray[np.int32]) -> Tensor:
    """Products (B, V, V) of every two images of each episode."""
    # padding reads a value that is set to zero later
    images_BV = images_BV.clip(0)
    if images_BV.shape[1] >= WHOLE:
        of_each = [matrix_MM[np.ix_(images_V, images_V)] for images_V in images_BV]
        return torch.from_numpy(np.stack(of_each))
    images = torch.from_numpy(images_BV)
    # indices of 32 bits take half as long
    places_BVV = len(matrix_MM) * images[..., None] + images[:, None]
    flat = torch.from_numpy(matrix_MM.ravel())
    return flat.index_select(0, places_BVV.flatten()).view(places_BVV.shape)


def _features(features_MD: Floats, images_BV: npt.NDArray[np.int32]) -> Tensor:
    """Features (B, V, D) of images; zeros for padding."""
    positions = torch.from_numpy(images_BV.clip(0).ravel())
    features_BVD = torch.from_numpy(features_MD).index_select(0, positions)
    features_BVD = features_BVD.view(*images_BV.shape, -1)
    is_padding_BV = images_BV < 0
    if is_padding_BV.any():
        features_BVD[torch.from_numpy(is_padding_BV)] = 0
    return features_BVD
