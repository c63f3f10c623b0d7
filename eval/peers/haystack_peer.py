"""Haystack: its in-memory store, BM25 and vectors joined by reciprocal rank fusion in a pipeline."""

# what a user writes
from pathlib import Path

from haystack import Document, Pipeline
from haystack.components.joiners import DocumentJoiner
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever, InMemoryEmbeddingRetriever
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack_integrations.components.embedders.sentence_transformers import (
    SentenceTransformersDocumentEmbedder,
    SentenceTransformersTextEmbedder,
)
from protocol import FOUND, Choice, Search, Texts, run


def build(texts: Texts, folder: Path, choice: Choice) -> Search:
    store = InMemoryDocumentStore()
    documents = [Document(id=key, content=text) for key, text in texts.items()]
    embedder = SentenceTransformersDocumentEmbedder(model=choice.model, progress_bar=False)
    store.write_documents(embedder.run(documents)["documents"])
    store.save_to_disk(str(folder / "store.json"))
    return searching(store, choice)


def load(folder: Path, choice: Choice) -> Search:
    return searching(InMemoryDocumentStore.load_from_disk(str(folder / "store.json")), choice)


def searching(store: InMemoryDocumentStore, choice: Choice) -> Search:
    pipeline = Pipeline()
    pipeline.add_component("embedder", SentenceTransformersTextEmbedder(model=choice.model, progress_bar=False))
    pipeline.add_component("nearest", InMemoryEmbeddingRetriever(store, top_k=FOUND))
    pipeline.add_component("keywords", InMemoryBM25Retriever(store, top_k=FOUND))
    pipeline.add_component("joiner", DocumentJoiner(join_mode="reciprocal_rank_fusion", top_k=FOUND))
    pipeline.connect("embedder.embedding", "nearest.query_embedding")
    pipeline.connect("nearest", "joiner")
    pipeline.connect("keywords", "joiner")

    def search(question: str) -> list[str]:
        result = pipeline.run({"embedder": {"text": question}, "keywords": {"query": question}})
        return [document.id for document in result["joiner"]["documents"]]

    return search


# so far

if __name__ == "__main__":
    run(build, load)
