"""Names that do not say their encoding are read in the one they were written in."""

import pytest

from fewshot_bench import UserError
from fewshot_bench.data.encodings import decoded

WORDS = {
    "gbk": ["划痕", "夹杂/1.png", "良品 不良品", "缺陷样本/划伤/001.png", "凹坑", "氧化皮", "瑕疵"],
    "cp932": ["キズ", "傷/1.png", "打痕", "汚れ", "良品 不良品", "ひび割れ", "新しいフォルダー"],
    "cp437": ["Rayé", "Beschädigung", "Kratzer Fläche/Öl", "pequeña", "défaut/éclat", "pâte"],
    "cp1252": ["Größe", "Rayé/1.png", "corrosão", "Beschädigung"],
    "cp866": ["царапина", "Трещины/1.png"],
}
CALLED = {"gbk": "GBK", "cp932": "Shift-JIS", "cp1252": "Windows-1252"}


@pytest.mark.parametrize("encoding", WORDS)
def test_an_encoding_is_told_by_few_words_and_by_one(encoding: str):
    words = WORDS[encoding]
    called = CALLED.get(encoding, encoding)
    assert decoded([word.encode(encoding) for word in words]) == (words, called)
    for word in words:
        assert decoded([word.encode(encoding)]) == ([word], called)


def test_utf8_and_ascii_are_not_guessed():
    for words in (["a", "b/c"], ["划痕", "Rayé"], []):
        assert decoded([word.encode() for word in words]) == (words, "")


def test_what_cannot_be_told_is_read_as_the_zip_format_says():
    words, called = decoded([b"\xb0\xb1\xb2"])
    assert (words, called) == (["░▒▓"], "cp437")


def test_the_user_may_say_the_encoding(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FEWSHOT_BENCH_ENCODING", "big5")
    assert decoded(["刮痕".encode("big5")]) == (["刮痕"], "big5")
    for wrong in ("klingon", "ascii"):
        monkeypatch.setenv("FEWSHOT_BENCH_ENCODING", wrong)
        with pytest.raises(UserError, match=rf"ENCODING '{wrong}' does not fit the names .*gbk"):
            decoded(["刮痕".encode("big5")])
