"""BM25 over terms, through tantivy: the rows that share a question's words."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import tantivy

_K1 = 1.2  # tantivy's own
_WRITER_BYTES = 64_000_000


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("row", stored=True, fast=True)
    builder.add_text_field("group", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("terms", tokenizer_name="whitespace", index_option="freq")
    schema: tantivy.Schema = builder.build()
    return schema


class LexicalIndex:
    """Rows by their terms; each row belongs to one group (its language), searched apart."""

    def __init__(self, index: tantivy.Index) -> None:
        self._index = index
        self._schema = index.schema
        self._searcher = index.searcher()

    @classmethod
    def build(cls, folder: Path, rows: Iterable[tuple[str, Sequence[str]]]) -> "LexicalIndex":
        """Writes an index of `rows`, each (group, terms), into an empty folder."""
        folder.mkdir(parents=True, exist_ok=True)
        schema = _schema()
        index = tantivy.Index(schema, path=str(folder))
        writer = index.writer(heap_size=_WRITER_BYTES, num_threads=1)
        for row, (group, terms) in enumerate(rows):
            writer.add_document(
                tantivy.Document.from_dict({"row": row, "group": group, "terms": " ".join(terms)}, schema)
            )
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        return cls(index)

    @classmethod
    def load(cls, folder: Path) -> "LexicalIndex":
        """Opens what `build` wrote, by memory map."""
        return cls(tantivy.Index.open(str(folder)))

    def ideal(self, terms: Sequence[str]) -> float:
        """The BM25 score no passage can exceed: every term as often as may be, in a passage of no length.

        A score divided by it says how much of the question, by rarity, a passage holds in so many words.
        """
        rows = self._searcher.num_docs
        frequencies = {term: self._searcher.doc_freq("terms", term) for term in set(terms)}
        rarity = {term: math.log1p((rows - found + 0.5) / (found + 0.5)) for term, found in frequencies.items()}
        return sum(rarity[term] for term in terms) * (_K1 + 1.0)

    def lacks(self, terms: Sequence[str]) -> bool:
        """Whether no row holds one of these terms, so that none holds all of them."""
        return any(self._searcher.doc_freq("terms", term) == 0 for term in terms)

    def search(self, terms: Sequence[str], count: int, group: str) -> list[tuple[int, float]]:
        """At most `count` (row, BM25 score) of the group that share a term, best first, ties by row."""
        if not terms or count <= 0:
            return []
        should, must = tantivy.Occur.Should, tantivy.Occur.Must
        wanted = [
            (should, tantivy.Query.boost_query(tantivy.Query.term_query(self._schema, "terms", term), float(times)))
            for term, times in Counter(terms).items()
        ]
        of_group = tantivy.Query.const_score_query(tantivy.Query.term_query(self._schema, "group", group), 0.0)
        query = tantivy.Query.boolean_query([(must, of_group), (must, tantivy.Query.boolean_query(wanted))])
        found = self._searcher.search(query, limit=count).hits
        pairs = [(int(self._searcher.doc(address)["row"][0]), float(score)) for score, address in found]
        return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))
