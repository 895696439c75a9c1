"""What the columns of the tables mean, in words; docs/columns.md is made of it.

A column means the same in every table, unless `OF_TABLE` says what it means in one of them.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["MEANINGS", "OF_TABLE", "meaning"]

MEANINGS: Mapping[str, str] = {
    "dataset": "name of the data set",
    "protocol": "name of the question",
    "baseline": "name of the row: its method, and what tells it from rows of the same method "
    "(`protonet_temp[start=10]`, `pixels[episodes=200]`; `@older`: made by older code, "
    "`@older-data`: on older images of the data set)",
    "encoder": "its network",
    "weights": "the weights it starts from (`none`: random)",
    "preset": "the preset",
    "image_size": "pixels a side",
    "precision": "the number format of the training",
    "settings": "digest of the resolved settings",
    "source": "digest of the baseline's file",
    "version": "version of this package",
    "ways": "classes in an episode; 2 in a pair protocol",
    "shots": "references of each class; 1 in a pair protocol",
    "queries": "queries of each class; in a classification protocol the test images "
    "(`all`: all the others)",
    "train_size": "in a classification protocol, train images of each class, or their share",
    "pairs": "in a pair protocol, the number of pairs; each counts as an episode",
    "episodes": "number of episodes",
    "episode_seed": "the seed that the episodes are drawn from",
    "episodes_digest": "digest of the episodes",
    "episodes_file": "the file in `episodes/` that the episodes come from; empty where the "
    "protocol draws them",
    "train_classes": "the train classes, joined by a bar",
    "test_classes": "the test classes, joined by a bar",
    "known_classes": "classes of `--known`; `all` where all train classes are",
    "open_set": "whether episodes have queries without references",
    "unlabelled": "share of the train images of each class without a label (`--unlabelled`); "
    "empty: all have one",
    "dataset_digest": "digest of pixels and labels",
    "group_by": "where the groups come from that support and query, or train and test, do not "
    "share; empty: there are no groups",
    "seeds": "number of trainings",
    "runs": "number of runs",
    "status": "`ok`, `not applicable`, `diverged` or `failed`",
    "key": "which records the row is from",
    "rank": "1 + the number of methods that are significantly better (paired, Holm over all pairs "
    "of the table); rows are ranked if they answer the same question by the same preset",
    "ties": "rows of one ranking that share a letter are not shown to differ",
    "would_decide": "how many times the images or trainings would decide between this row, if it "
    "is the most accurate, and the next one, if both are tied",
    "images_passed": "images that a training passed through the encoder, a view counting as one",
    "parameters": "parameters of the encoder",
    "accuracy": "mean over episodes, each the mean of its class recalls, and over trainings; in a "
    "classification protocol the share of the test images, mean over runs; with known classes the "
    "harmonic mean of `accuracy_new` and `accuracy_known`; of pairs the share that is rightly "
    "taken for one class or two",
    "ci95_low": "lower end of the 95 % interval",
    "ci95_high": "its upper end",
    "ci95_kind": "what the interval covers: other images of these classes (`images`), also other "
    "trainings (`images+seeds`), or also other runs (`images+runs`); `too few trainings`: they "
    "differ too much for so few of them, so it is over images alone; `never wrong`: the rule of "
    "three. Without an interval: `too few images`, `too few pairs` or `one episode`",
    "ci95_episodes": "half-width of the field's closed form, 1.96 * std / sqrt(episodes): other "
    "episodes of the same images only",
    "ci95_disjoint": "half-width over episodes that share no image; empty below three of them",
    "se_images": "the part of the standard error that comes from the images",
    "se_seeds": "the part that comes from the trainings",
    "macro_recall": "in a classification protocol, mean recall of the classes",
    "macro_low": "lower end of its 95 % interval",
    "macro_high": "its upper end",
    "accuracy_new": "with known classes, mean recall of the new ones; all classes are candidates",
    "accuracy_new_low": "lower end of its 95 % interval",
    "accuracy_new_high": "its upper end",
    "accuracy_known": "mean recall of the known classes; all classes are candidates",
    "accuracy_known_low": "lower end of its 95 % interval",
    "accuracy_known_high": "its upper end",
    "auroc": "in an open set, how often a query with references scores higher than one without; of "
    "pairs, how often one of one class scores higher than one of two (ties count half)",
    "auroc_low": "lower end of its 95 % interval",
    "auroc_high": "its upper end",
    "false_accepts": "in an open set, the share of queries without references that score at least "
    "as high as the score that 95 % of the others reach",
    "false_accepts_low": "lower end of its 95 % interval",
    "false_accepts_high": "its upper end",
    "rule": "how the baseline answers: a decision rule on its features (`mean_cosine`, "
    "`whitened`), or a method of its own (`pair`, `classify`, `predict`, `compose`; `classifier`: "
    "its closed-set head; `cosine`: of the two features of a pair)",
    "threshold": "in a pair protocol, where the score comes from above which a pair is taken for "
    "one class: `own`, of the baseline, or `pairs of train images`",
    "transductive": "whether an answer may depend on the other queries, as the card says",
    "published": "what a paper prints; it is not ranked",
    "published_differs": "how the paper's question differs",
    "note": "what to beware of",
    "reference": "the row that the others are compared with",
    "reference_seeds": "trainings of the reference",
    "difference": "accuracy less that of the reference, on the same episodes",
    "kind": "what the interval covers, as in `ci95_kind`; `never different`: no answer differs",
    "low": "lower end of the interval that agrees with the verdict: it holds 0 exactly where "
    "`p_holm` is above 0.05",
    "high": "its upper end",
    "level": "confidence of this interval",
    "p": "p of no difference",
    "p_holm": "p after Holm's correction over all differences of the table",
    "margin": "differences within it are equivalent, as a fraction",
    "verdict": "`better` or `worse` (`p_holm` at most 0.05), `equivalent` (the 90 % interval lies "
    "within the margin) or `undecided`",
    "class": "the class",
    "predicted": "the class that queries of this class were taken for",
    "count": "number of such answers",
    "share": "their share of the queries of the class",
    "seed": "seed of the training, or number of the run",
    "seconds_train": "seconds of the whole training",
    "seconds_embed": "seconds for the features of the test images",
    "seconds_score": "seconds to answer and score all episodes",
    "device": "where it was computed",
    "threads": "threads of a training",
    "started": "when it began (UTC)",
}

OF_TABLE: Mapping[str, Mapping[str, str]] = {
    "hardest": {
        "image": "path of the picture in the data set; its number where the data is not at hand",
        "class": "its class",
        "taken_for": "the wrong class that it was taken for most often",
        "asked": "how many times it was asked about",
        "wrong": "how many of these answers were wrong",
        "share": "wrong / asked",
    },
    "parts": {
        "source": "what two results differ in alone: features, training objective, decision rule, "
        "other settings, split of the classes or training seed; or the draw of pictures; or all",
        "levels": "how many values it takes",
        "comparisons": "pairs of results that were compared; of the draw of pictures: results",
        "spread": "the root of half the mean squared difference of such pairs, without the noise "
        "of their draws",
        "spread_low": "lower end of its 95 % interval",
        "spread_high": "upper end",
        "share": "the square of the spread, of that of any two results",
        "share_low": "lower end of its 95 % interval",
        "share_high": "upper end",
        "units": "how many the intervals are over; they need three",
        "unit": "what they are: splits of the classes, or training seeds",
    },
    "comparison.csv": {
        "ci95_low": "lower end of the 95 % interval of this difference alone",
        "would_decide": "how many times the images or trainings would decide an undecided "
        "difference",
    },
    "splits.csv": {
        "splits": "splits with a result",
        "of": "all splits there are",
        "accuracy": "mean over the splits",
        "sd": "their standard deviation",
        "worst": "the lowest accuracy of a split",
        "worst_test_classes": "the test classes of that split",
        "best": "the highest accuracy of a split",
        "best_test_classes": "the test classes of that split",
    },
    "recalls.csv": {
        "class": "a class, a group of classes, `mean of classes` or `all images`",
        "recall": "its recall; without an interval a paper's figure, in the name of its system",
        "ci95_low": "lower end of the 95 % interval over other images and runs",
    },
    "episodes": {
        "accuracy": "accuracy of an episode",
        "count": "how many episodes have it",
    },
    "diff": {
        "verdict": "`same bits`, `within the error`, `moved`, `not tested`, `other status`, "
        "`only in A`, `only in B` or `ambiguous`",
        "note": "what became of a cell that has no partner or no result",
        "baseline": "name of the row in A, or in the folder that has it alone",
        "baseline_b": "name of the row in B",
        "seeds": "the trainings that both have",
        "cells": "how many cells they are",
        "same": "of these, the cells with the same bits",
        "answers_changed": "share of the answers that differ, where the episodes are the same",
        "accuracy_a": "accuracy in A on the episodes compared; empty where the bits are the same",
        "accuracy_b": "the same in B",
        "difference": "accuracy in B less that in A",
        "ci95_low": "lower end of the 95 % interval of this difference alone",
        "is_paired": "whether both answered the same episodes of the same data",
        "is_one_training": "whether each side has one training: then it says that two trainings "
        "differ, which two trainings of one method may do as well",
        "differs_data": "what differs in the data; empty: nothing",
        "differs_episodes": "what differs in the episodes",
        "differs_code": "what differs in the code",
        "differs_settings": "what differs in the settings",
        "differs_packages": "what differs in the packages, such as `torch 2.14.0 -> 2.15.0`",
        "differs_machine": "what differs in the machine",
        "key_a": "`key` of the row in A",
        "key_b": "`key` of the row in B",
    },
    "merge": {
        "folder": "the folder",
        "records": "records that it holds",
        "kept": "of these, the ones that are in the merged folder now",
        "same": "those that another folder has too, with the same answers, and whose copy was kept",
        "failed": "those that failed, where another folder has a result",
        "checkpoints": "checkpoints that are in the merged folder from here",
    },
    "pointing.csv": {
        "stage": "the convolutional stage, counted from the last",
        "places": "places of its map",
        "images": "images with boxes that were explained",
        "trainings": "trainings behind the row",
        "without_heat": "images whose heat map is all zero; they are counted and excluded",
        "energy": "share of the heat inside the boxes (energy-based pointing game)",
        "energy_low": "lower end of its 95 % interval over other images",
        "energy_high": "its upper end",
        "hit": "how often the maximum of the heat is inside (pointing game)",
        "hit_low": "lower end of its 95 % interval",
        "hit_high": "its upper end",
        "cover": "share of the image inside the boxes: the energy by chance",
        "hit_chance": "the hit by chance, if each place were equally likely the hottest",
        "above_chance": "energy less cover",
        "above_chance_low": "lower end of its 95 % interval",
        "above_chance_high": "its upper end",
        "difference": "energy less that of the reference",
        "difference_low": "lower end of its 95 % interval",
        "difference_high": "its upper end",
    },
    "predictions.csv": {
        "picture": "as it was named; of a folder or archive: that name, `/`, and the file's",
        "class": "the most probable class",
        "score": "its probability, if the picture is of one of the classes",
        "second_class": "the next class",
        "second_score": "its probability",
        "unknown": "whether the picture may be of none of the classes: it is less typical of its "
        "class than 95 % of held-out references are of theirs",
        "look_first": "1 for the picture that a person should look at first: those that are "
        "`unknown`, then the least certain",
    },
    "list": {
        "kind": "baseline, rule, data set, protocol, engine or tracker",
        "name": "its name",
        "title": "its title",
        "source": "the paper, or where it comes from",
        "year": "year of the source",
        "about": "what it is, in a line",
        "settings": "names of its settings, as `--set` takes them",
        "error": "why it cannot be used; empty: it can",
    },
    "check": {
        "baseline": "the baseline, rule or data set",
        "check": "the check",
        "status": "`ok`, `not checked` or `broken`",
        "told": "what was expected, what came, and why it matters",
    },
    "cache": {
        "kind": "`images`, `features`, or `copies`: what a search for near-duplicates found",
        "images": "number of images",
        "classes": "number of classes",
        "bytes": "size on the disk",
        "used": "the day of its last use",
        "file": "its file in the cache",
    },
}


def meaning(table: str, column: str) -> str:
    """What a column means in this table. Raises `KeyError` where nobody has said it."""
    of_table = OF_TABLE.get(table, {})
    return of_table.get(column) or MEANINGS[column]
