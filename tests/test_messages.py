"""What is said of files, builds and errors in both languages."""

import ast
import errno
import os
import re
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

import qa
from qa.errors import EditProblem
from qa.messages import TEXTS, Message, of_system

# Names of formats, programs and their fields, which a Chinese sentence has too.
NAMES = {
    "UTF", "Big", "PDF", "EPUB", "XML", "Word", "JSON", "SQuAD", "date", "question",
    "PostgreSQL", "pgvector",
}  # fmt: skip
PACKAGE = Path(qa.__file__).parent
ON_THE_PAGE = [PACKAGE.parent / "ui" / name for name in ("evaluate.py", "runs.py")]
TREES = [ast.parse(path.read_text(encoding="utf-8")) for path in (*PACKAGE.glob("*.py"), *ON_THE_PAGE)]
NUMBERS = ("size", "limit", "count", "most", "length", "alike", "start", "code", "number", "row")


def blanks(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@cache
def said_in_code() -> frozenset[str]:
    """The kinds that the package says."""
    return frozenset(_said_in_code())


def _said_in_code() -> Iterator[str]:
    """The kinds that the package names where it says something, and those it makes of a problem with an edit."""
    makers = {"Message", "Refused", "_over", "of_system"}
    for tree in TREES:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in makers:
                for argument in node.args[:2]:
                    yield from (each.value for each in ast.walk(argument) if isinstance(each, ast.Constant))
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("kind", "_SYSTEM"):
                yield from (each.value for each in ast.walk(node.value) if isinstance(each, ast.Constant))
    yield from (f"edit_{problem}" for problem in get_args(EditProblem))


@pytest.mark.parametrize("kind", TEXTS)
def test_each_kind_is_said_in_both_languages(kind: str) -> None:
    """Whatever fills its blanks, the English has no Chinese, and the Chinese no English but names and formats."""
    chinese, english = TEXTS[kind]
    assert blanks(chinese) <= blanks(english) | {"code"}
    message = Message(kind, {name: 2 if name in NUMBERS else "一" for name in blanks(english) | {"code"}})
    words = re.findall(r"[A-Za-z]{3,}", re.sub(r"\.(md|txt)\b", "", message.text("zh")))
    assert set(words) <= NAMES
    assert re.search(r"[\u4e00-\u9fff]", chinese)
    assert not re.search(r"[\u3400-\u9fff，。；：]", english)
    assert str(message) == message.text("en")


@pytest.mark.parametrize("kind", TEXTS)
def test_each_kind_is_said_somewhere(kind: str) -> None:
    """No text is kept that nothing says."""
    assert kind in said_in_code()


def test_each_message_fills_the_blanks_of_its_text() -> None:
    """Wherever the package says something, in either language, it names every value that the text has a blank for."""
    checked = 0
    for node in (node for tree in TREES for node in ast.walk(tree)):
        if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Message", "Refused")):
            continue
        first, *rest = node.args or [None]
        if isinstance(first, ast.Constant) and (not rest or isinstance(rest[0], ast.Dict)):
            given = {keyword.arg for keyword in node.keywords}
            given |= {key.value for each in rest for key in each.keys if isinstance(key, ast.Constant)}
            assert given >= set.union(*map(blanks, TEXTS[first.value])), first.value
            checked += 1
    assert checked > 50


def test_a_message_in_a_message_is_in_the_same_language() -> None:
    """What fills a blank is said in the language of the whole."""
    message = Message("left_out", {"reason": Message("no_encoding", {"start": 12})})
    assert message.text("en") == "left out: not UTF-8 (byte 12), UTF-16, GB18030 or Big5; save it as UTF-8"
    assert message.text("zh") == "未收入：不是 UTF-8（第 12 字节）、UTF-16、GB18030 或 Big5；请存成 UTF-8"
    with pytest.raises(KeyError):
        Message("no_encoding").text("zh")


@pytest.mark.parametrize("code", [errno.EACCES, errno.ENOSPC, errno.ENOENT, errno.ELOOP, errno.ETIMEDOUT])
def test_what_the_system_says_is_said_in_chinese_too(code: int) -> None:
    """English is the system's own words; Chinese says the common failures, and of others the number."""
    said = of_system(OSError(code, os.strerror(code)), "cannot_be_read")
    assert said.text("en") == os.strerror(code)
    assert not re.search(r"[A-Za-z]", said.text("zh"))
    assert of_system(ValueError("embedded null byte"), "cannot_be_read").text("en") == "it cannot be read"
