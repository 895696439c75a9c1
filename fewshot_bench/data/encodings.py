"""In which encoding names were written that do not say it: archives and folders of other systems.

Libraries that detect encodings need more text than a few class names have. So the few encodings
that archives of surface pictures come in are told apart by their common characters: those of the
first level of GB 2312 and of JIS X 0208, kana, and letters with accents or of Cyrillic in a word.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence

from fewshot_bench.errors import UserError

__all__ = ["NAMED", "decoded"]

NAMED = "FEWSHOT_BENCH_ENCODING"
UTF8 = "utf-8"
# encoding -> what people call it; of two that fit as well, the first is taken
LEGACY = {
    "gbk": "GBK",
    "cp932": "Shift-JIS",
    "cp437": "cp437",
    "cp1252": "Windows-1252",
    "cp850": "cp850",
    "cp866": "cp866",
}
KANA = re.compile("[\u3041-\u3096\u30a1-\u30fc\u3005]")
CYRILLIC = re.compile("[\u0410-\u044f\u0401\u0451]")
LETTERS_ALONE = ("cp437", "cp850", "cp1252", "cp866")
FIRST_LEVEL = {"gbk": range(0xB0, 0xD8), "cp932": range(0x88, 0x99)}
SECOND_LEVEL = {"gbk": range(0xD8, 0xF8), "cp932": range(0x99, 0xEB)}
STANDARD = "cp437"  # what the zip format means
LEAST = 0.5  # score of an encoding that is believed
# how much a character says for an encoding
COMMON = 1.0
RARE = 0.5


def decoded(names: Sequence[bytes]) -> tuple[list[str], str]:
    """Names as text, and what people call their encoding; empty if it is ASCII or UTF-8.

    $FEWSHOT_BENCH_ENCODING decides where it is set. Raises `UserError` if it names no encoding, or
    one that the names are not in.
    """
    named = os.environ.get(NAMED)
    if named:
        return _as_named(names, named), named
    try:
        return [name.decode(UTF8) for name in names], ""
    except UnicodeDecodeError:
        encoding = _most_likely(names)
    # the standard one has a character for every byte
    return [name.decode(encoding, "replace") for name in names], LEGACY[encoding]


def _as_named(names: Sequence[bytes], encoding: str) -> list[str]:
    try:
        return [name.decode(encoding) for name in names]
    except (LookupError, UnicodeDecodeError) as error:
        raise UserError(
            f"${NAMED} {encoding!r} does not fit the names ({error}); name their encoding, such as "
            "gbk, big5, cp949 or cp1251, or leave it out"
        ) from None


def _most_likely(names: Sequence[bytes]) -> str:
    best = STANDARD
    highest = LEAST
    for encoding in LEGACY:
        score = _score(names, encoding)
        if score > highest:
            best = encoding
            highest = score
    return best


def _score(names: Sequence[bytes], encoding: str) -> float:
    """How likely the encoding is, from 0 to 1; 0 if some name is not in it."""
    weights = []
    try:
        for name in names:
            weights += _weights(name.decode(encoding), encoding)
    except UnicodeDecodeError:
        return 0
    return sum(weights) / max(1, len(weights))


def _weights(text: str, encoding: str) -> list[float]:
    """How much each character beyond ASCII says for the encoding."""
    weights = []
    padded = f"/{text}/"
    for position, character in enumerate(text):
        if character.isascii():
            continue
        before = padded[position]
        after = padded[position + 2]
        if encoding in LETTERS_ALONE:
            weights.append(_weight_of_letter(before, character, after, encoding))
        else:
            is_lonely = _is_latin(before) and _is_latin(after)
            weights.append(0.0 if is_lonely else _weight_of_ideograph(character, encoding))
    return weights


def _weight_of_letter(before: str, letter: str, after: str, encoding: str) -> float:
    """Whether it stands in a word: beside other letters, and a capital only at the beginning."""
    if not letter.isalpha():
        return 0
    is_inside = before.isalpha()
    if is_inside and letter.isupper() != before.isupper() and not letter.islower():
        return 0
    if encoding == "cp866":
        neighbours = [one for one in (before, after) if one.isalpha()]
        fits = CYRILLIC.match(letter) and all(map(CYRILLIC.match, neighbours))
        return COMMON if fits and neighbours else 0
    if not _is_latin(letter) or not (_is_latin(before) or _is_latin(after)):
        return 0
    # "âL": a capital follows a small letter
    return 0 if letter.islower() and after.isupper() else COMMON


def _is_latin(character: str) -> bool:
    return character.isalpha() and unicodedata.name(character, "").startswith("LATIN")


def _weight_of_ideograph(character: str, encoding: str) -> float:
    if encoding == "cp932" and KANA.match(character):
        return COMMON
    raw = character.encode(encoding)
    if len(raw) < 2 or not unicodedata.name(character, "").startswith("CJK"):
        return 0
    # trail bytes of GB 2312 lie above 0xA0; what GBK added to it is rare
    if encoding == "gbk" and raw[1] < 0xA1:
        return 0
    if raw[0] in FIRST_LEVEL[encoding]:
        return COMMON
    return RARE if raw[0] in SECOND_LEVEL[encoding] else 0
