"""What one training answered."""

import numpy as np

from fewshot_bench.records.answered import NO_RANK, ranks_of


def test_ranks_are_of_the_episode_and_equal_for_equal_scores():
    scores = np.array([[3.0, 1.0, 3.0, 2.0], [5.0, 9.0, 7.0, 8.0]], dtype=np.float32)
    is_query = np.array([[True, True, True, True], [True, False, True, True]])
    assert ranks_of(scores, is_query).tolist() == [[3, 1, 3, 2], [1, NO_RANK, 2, 3]]
