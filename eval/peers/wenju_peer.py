"""Wenju: each text a passage, retrieved as for an answer."""

# what a user writes
from functools import cache
from pathlib import Path

from protocol import Choice, Search, Texts, run

from qa import Document, IndexSettings, SearchSettings, index
from qa.evidence import rank_sentences
from qa.retriever import Retriever
from qa.text import dominant_language


def build(texts: Texts, folder: Path, _choice: Choice) -> Search:
    documents = [Document(key, "", text, key, dominant_language(text)) for key, text in texts.items()]
    index.build(folder, documents, IndexSettings(passage_bytes=100_000), corpus=folder, created="")
    return lambda question: []


@cache
def retriever(folder: Path) -> Retriever:
    return Retriever(index.load(folder), SearchSettings())


def load(folder: Path, _choice: Choice) -> Search:
    return lambda question: [hit.passage.document_id for hit in retriever(folder).retrieve(question)]


# so far


def best_sentence(folder: Path, question: str, _passage: str, _sentences: list[str]) -> str:
    query, hits = retriever(folder).search(question)
    ranked = rank_sentences(retriever(folder), query, hits[:1])
    return ranked[0].text if ranked else ""


if __name__ == "__main__":
    run(build, load, best_sentence)
