"""rank_bm25: BM25 in plain Python, which leaves the cutting of text into words to its user."""

# what a user writes
import pickle
from collections.abc import Sequence
from pathlib import Path

import jieba
import numpy as np
from protocol import FOUND, Choice, Search, Texts, run
from rank_bm25 import BM25Okapi


def cut(text: str, words: bool) -> list[str]:
    """As the library's first example does, or by jieba without the punctuation."""
    if not words:
        return text.split(" ")
    return [word for word in jieba.lcut(text.lower()) if any(map(str.isalnum, word))]


def build(texts: Texts, folder: Path, choice: Choice) -> Search:
    keywords = BM25Okapi([cut(text, choice.words) for text in texts.values()])
    (folder / "keywords.pickle").write_bytes(pickle.dumps((list(texts), keywords)))
    return searching(list(texts), keywords, choice)


def load(folder: Path, choice: Choice) -> Search:
    return searching(*pickle.loads((folder / "keywords.pickle").read_bytes()), choice)


def searching(ids: Sequence[str], keywords: BM25Okapi, choice: Choice) -> Search:
    def search(question: str) -> list[str]:
        scores = keywords.get_scores(cut(question, choice.words))
        return [ids[row] for row in np.argsort(-scores, kind="stable")[:FOUND]]

    return search


# so far

if __name__ == "__main__":
    run(build, load)
