import random
from pathlib import Path

import pytest

from qa.corpus import read_corpus
from qa.datatypes import Document
from qa.encodings import UnknownEncodingError, decode
from qa.text import han_variants, sentences

TRADITIONAL = {ord(simple): chr(variant) for variant, simple in han_variants().items() if len(simple) == 1}


def chinese_sentences(folder: Path) -> list[str]:
    articles = [
        article for article in read_corpus(folder) if isinstance(article, Document) and article.language == "zh"
    ]
    found = [article.text[start:end] for article in articles for start, end in sentences(article.text)]
    return random.Random(7).sample([sentence for sentence in found if len(sentence) >= 12], 200)


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "gbk", "cp950", "utf-16-le", "utf-16-be"])
def test_encoding_is_told_from_a_sentence(corpus_folder: Path, encoding: str) -> None:
    """Of single Chinese sentences in any encoding, at most 3 of 100 are not read as they were written."""
    texts = chinese_sentences(corpus_folder)
    if encoding == "cp950":
        texts = [text.translate(TRADITIONAL) for text in texts]
    written = [(text, text.encode(encoding, "ignore")) for text in texts]
    whole = [(text, raw) for text, raw in written if raw.decode(encoding) == text and not raw.isascii()]
    assert len(whole) >= 30
    right = 0
    for text, raw in whole:
        try:
            right += decode(raw)[0] == text
        except UnknownEncodingError:
            continue
    assert right >= 0.97 * len(whole)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "cp950", "utf-16", "utf-16-le", "utf-16-be"])
def test_whole_article_is_read_as_it_was_written(encoding: str) -> None:
    """An article with Latin words and line ends is the same text in every encoding, a UTF-8 mark kept."""
    text = "# 圖書館\r\n\r\n城北圖書館每週一閉館，每位讀者一次最多可以借閱十二本書。Open daily.\r\n"
    mark = "\ufeff" if encoding == "utf-8-sig" else ""
    assert decode(text.encode(encoding))[0] == mark + text


def test_utf16_of_latin_text_needs_no_mark() -> None:
    """English text in UTF-16 without a mark is recognised by its zero bytes."""
    for encoding in ("utf-16-le", "utf-16-be"):
        assert decode("Opening hours\nare long.".encode(encoding)) == ("Opening hours\nare long.", encoding)


@pytest.mark.parametrize(
    "raw",
    [
        "it’s the café – “naïve” résumé".encode("cp1252"),
        "Über die Brücke gehen".encode("cp1252"),
        "これは日本語の文章です。東京は大きい都市です。".encode("shift_jis"),
        "これは日本語の文章です。東京は大きい都市です。".encode("euc_jp"),
        "한국어 문장입니다 서울은 크다".encode("euc_kr"),
        "Привет, как дела".encode("koi8-r"),
        "前半は好い的文章 ".encode() + "后半句换了编码".encode("gb18030"),
        b"\xff\xfea",
        bytes(range(128, 256)),
    ],
    ids=["cp1252", "two letters", "Shift JIS", "EUC-JP", "EUC-KR", "KOI8-R", "two encodings", "half a unit", "no text"],
)
def test_other_encodings_are_refused_rather_than_guessed(raw: bytes) -> None:
    """Text in an encoding that is not recognised, or in two, is an error and never other text."""
    with pytest.raises(UnknownEncodingError, match=r"not UTF-8 \(byte \d+\)"):
        decode(raw)


def test_declared_encoding_is_believed_where_the_bytes_are_not_utf8() -> None:
    """What a page declares is taken for bytes that are not UTF-8, and no other codec than those of the web is run."""
    assert decode("café".encode("cp1252"), "ISO-8859-1") == ("café", "cp1252")
    assert decode("茶".encode("gbk"), "gb2312") == ("茶", "gb18030")
    assert decode("茶".encode(), "gb2312") == ("茶", "utf-8")
    with pytest.raises(UnknownEncodingError):
        decode(b"\xff\\u8336", "unicode_escape")
