"""LangChain: FAISS and BM25 under an `EnsembleRetriever`, as its documentation of hybrid search has them."""

# what a user writes
import pickle
from functools import cache
from pathlib import Path

import jieba
from langchain_classic.retrievers import EnsembleRetriever
from langchain_community.retrievers import BM25Retriever
from langchain_community.vectorstores import FAISS
from langchain_core.documents import Document
from langchain_huggingface import HuggingFaceEmbeddings
from protocol import FOUND, Choice, Search, Texts, run


@cache
def embeddings(model: str) -> HuggingFaceEmbeddings:
    return HuggingFaceEmbeddings(model_name=model, encode_kwargs={"normalize_embeddings": True})


def cut(text: str) -> list[str]:
    return [word for word in jieba.lcut(text.lower()) if any(map(str.isalnum, word))]


def build(texts: Texts, folder: Path, choice: Choice) -> Search:
    documents = [Document(page_content=text, id=key, metadata={"id": key}) for key, text in texts.items()]
    vectors = FAISS.from_documents(documents, embeddings(choice.model))
    vectors.save_local(str(folder))
    words = {"preprocess_func": cut} if choice.words else {}
    keywords = BM25Retriever.from_documents(documents, k=FOUND, **words)
    (folder / "keywords.pickle").write_bytes(pickle.dumps(keywords))
    return searching(vectors, keywords)


def load(folder: Path, choice: Choice) -> Search:
    vectors = FAISS.load_local(str(folder), embeddings(choice.model), allow_dangerous_deserialization=True)
    return searching(vectors, pickle.loads((folder / "keywords.pickle").read_bytes()))


def searching(vectors: FAISS, keywords: BM25Retriever) -> Search:
    nearest = vectors.as_retriever(search_kwargs={"k": FOUND})
    ensemble = EnsembleRetriever(retrievers=[keywords, nearest], weights=[0.5, 0.5], id_key="id")
    return lambda question: [document.metadata["id"] for document in ensemble.invoke(question)]


# so far

if __name__ == "__main__":
    run(build, load)
