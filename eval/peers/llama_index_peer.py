"""LlamaIndex: its vector store and BM25 retriever under a `QueryFusionRetriever`, as its documentation fuses them."""

# what a user writes
from functools import cache
from pathlib import Path

from llama_index.core import Settings, StorageContext, VectorStoreIndex, load_index_from_storage
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.llms import MockLLM
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import TextNode
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.retrievers.bm25 import BM25Retriever
from protocol import FOUND, Choice, Search, Texts, run
from sentence_transformers import SentenceTransformer

WORDS = r"[\u4e00-\u9fff]|[^\W\u4e00-\u9fff]+"  # each Han character a word


class Static(BaseEmbedding):
    """A model of token vectors, which reads texts of any length; `HuggingFaceEmbedding` takes none without a limit."""

    _model: SentenceTransformer = PrivateAttr()

    def __init__(self, model_name: str) -> None:
        super().__init__(model_name=model_name)
        self._model = SentenceTransformer(model_name, device="cpu")

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._model.encode(text).tolist()

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._model.encode(texts).tolist()

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


@cache
def embedding(choice: Choice) -> BaseEmbedding:
    return (HuggingFaceEmbedding if choice.embedder == "teacher" else Static)(model_name=choice.model)


def set_up(choice: Choice) -> None:
    Settings.llm = MockLLM()  # asks nobody for other wordings of the question
    Settings.embed_model = embedding(choice)


def build(texts: Texts, folder: Path, choice: Choice) -> Search:
    set_up(choice)
    nodes = [TextNode(id_=key, text=text) for key, text in texts.items()]
    index = VectorStoreIndex(nodes)
    index.storage_context.persist(str(folder))
    words = {"token_pattern": WORDS} if choice.words else {}
    keywords = BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=FOUND, **words)
    keywords.persist(str(folder / "keywords"))
    return searching(index, keywords)


def load(folder: Path, choice: Choice) -> Search:
    set_up(choice)
    index = load_index_from_storage(StorageContext.from_defaults(persist_dir=str(folder)))
    keywords = BM25Retriever.from_persist_dir(str(folder / "keywords"))
    if choice.words:
        keywords.token_pattern = WORDS
    return searching(index, keywords)


def searching(index: VectorStoreIndex, keywords: BM25Retriever) -> Search:
    fusion = QueryFusionRetriever(
        [index.as_retriever(similarity_top_k=FOUND), keywords],
        similarity_top_k=FOUND,
        num_queries=1,
        mode="reciprocal_rerank",
        use_async=False,
    )
    return lambda question: [node.node_id for node in fusion.retrieve(question)]


# so far

if __name__ == "__main__":
    run(build, load)
