"""txtai: one `Embeddings` database, vectors and BM25, with `hybrid` switched on."""

# what a user writes
from functools import cache
from pathlib import Path

from protocol import FOUND, Choice, Search, Texts, run
from txtai import Embeddings


@cache
def models() -> dict[str, object]:
    return {}


def build(texts: Texts, folder: Path, choice: Choice) -> Search:
    embeddings = Embeddings(path=choice.model, method="sentence-transformers", hybrid=True, models=models())
    embeddings.index(texts.items())
    embeddings.save(str(folder))
    return searching(embeddings)


def load(folder: Path, _choice: Choice) -> Search:
    embeddings = Embeddings(models=models())
    embeddings.load(str(folder))
    return searching(embeddings)


def searching(embeddings: Embeddings) -> Search:
    return lambda question: [key for key, score in embeddings.search(question, FOUND)]


# so far

if __name__ == "__main__":
    run(build, load)
