"""Retrieval figures on SQuAD-format files, at passage and sentence level, split by lexical overlap.

    python eval/benchmark.py QUESTIONS.json [--passages PARALLEL.json [--mixed]] [--embedder MODEL] [--output FILE]
    python eval/benchmark.py QUESTIONS.json [--passages PARALLEL.json [--mixed]] --compare [--model MODEL …]

Every paragraph is one passage. With `--passages`, questions come from the first file and passages from a
parallel one, matched by question id, so that question and passage may differ in language. With `--mixed` too, the
passages of both files stand in one index, and either parallel counts as right.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from arguments import parser, write
from compare import compare, comparison_table, systems
from tqdm import tqdm

from qa.config import AnswerSettings, SearchSettings
from qa.datatypes import Hit
from qa.evaluation import Case, mixed_cases, paired_cases, paragraph_index, ranking_values
from qa.evidence import ScoredSentence, rank_sentences
from qa.retriever import Retriever
from qa.text import fold, sentences, terms

WHOLE = "fused and ranked"
_ALONE = {
    "dense_weight": 0.0, "alignment_weight": 0.0, "lexical_weight": 0.0, "crossing_lexical_weight": 0.0, "ranked": 0,
}  # fmt: skip
SIDES: dict[str, dict[str, Any]] = {
    "dense": {**_ALONE, "dense_weight": 1.0},
    "alignment": {**_ALONE, "alignment_weight": 1.0},
    "BM25": {**_ALONE, "lexical_weight": 1.0, "crossing_lexical_weight": 1.0},
    "dense + alignment": {"lexical_weight": 0.0, "crossing_lexical_weight": 0.0, "ranked": 0},
    "fused": {"ranked": 0},
    WHOLE: {},
}


def overlap_quartiles(cases: Sequence[Case], paragraphs: dict[str, str]) -> dict[str, int]:
    """The quartile (1 the lowest) of each question by the share of its terms in the gold paragraph's best sentence."""
    shares: dict[str, float] = {}
    for case in cases:
        wanted = Counter(terms(case.question))
        texts = [paragraphs[document] for document in case.documents]
        found = [Counter(terms(text[start:end])) & wanted for text in texts for start, end in sentences(text)]
        shares[case.id] = max((both.total() for both in found), default=0) / max(1, wanted.total())
    ranks = {key: rank for rank, key in enumerate(sorted(shares, key=lambda key: (shares[key], key)))}
    return {key: 1 + 4 * rank // len(ranks) for key, rank in ranks.items()}


def right_sentence_first(case: Case, ranked: Sequence[ScoredSentence]) -> float:
    """1 where the first sentence stands in a gold paragraph and holds a gold answer."""
    if not ranked or ranked[0].passage.document_id not in case.documents:
        return 0.0
    return float(any(fold(answer) in fold(ranked[0].text) for answer in case.answers))


def measure(paragraphs: dict[str, str], cases: Sequence[Case], embedder: str) -> dict[str, Any]:
    """Figures of every side alone and of the fusion, overall and by overlap quartile."""
    quartiles = overlap_quartiles(cases, paragraphs)
    relevant = {case.id: dict.fromkeys(case.documents, 1) for case in cases}
    report: dict[str, Any] = {"questions": len(cases), "paragraphs": len(paragraphs), "embedder": embedder}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        loaded = paragraph_index(Path(folder), paragraphs, embedder)
        for side, weights in SIDES.items():
            retriever = Retriever(loaded, SearchSettings(**weights))
            values: dict[str, dict[str, float]] = {}
            found: dict[str, list[Hit]] = {}
            first: dict[str, float] = {}
            for case in tqdm(cases, desc=side, disable=None, leave=False):
                query, found[case.id] = retriever.search(case.question)
                ranked = rank_sentences(retriever, query, found[case.id][: AnswerSettings().passages_read])
                first[case.id] = right_sentence_first(case, ranked)
            run = {
                key: {hit.passage.document_id: -float(rank) for rank, hit in enumerate(hits)}
                for key, hits in found.items()
            }
            values = ranking_values(relevant, run)
            for case in cases:
                values[case.id]["right sentence first"] = first[case.id]
            report[side] = _means(values, quartiles)
    return report


def _means(values: dict[str, dict[str, float]], quartiles: dict[str, int]) -> dict[str, Any]:
    measures = next(iter(values.values()))
    means: dict[str, Any] = {name: float(np.mean([row[name] for row in values.values()])) for name in measures}
    for name in ("recall@1", "right sentence first"):
        by_quartile = [
            [row[name] for key, row in values.items() if quartiles[key] == quartile] for quartile in range(1, 5)
        ]
        means[f"{name} by overlap quartile"] = [float(np.mean(rows)) if rows else None for rows in by_quartile]
    return means


def table(report: dict[str, Any]) -> str:
    """The report as lines for a terminal."""
    lines = [f"{report['questions']} questions, {report['paragraphs']} paragraphs, embedder {report['embedder']}"]
    lines.append(f"{'':<18} R@1   R@3   R@5   R@10  MRR   nDCG  sentence  sentence by overlap quartile, low to high")
    for side in SIDES:
        row = report[side]
        figures = "  ".join(
            f"{row[name]:.3f}" for name in ("recall@1", "recall@3", "recall@5", "recall@10", "MRR", "nDCG@10")
        )
        quartiles = " ".join(
            "-" if value is None else f"{value:.2f}" for value in row["right sentence first by overlap quartile"]
        )
        lines.append(f"{side:<18} {figures}  {row['right sentence first']:.3f}     {quartiles}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    command = parser((__doc__ or "").splitlines()[0])
    command.add_argument("--mixed", action="store_true", help="both files' passages in one index; either counts")
    command.add_argument("--compare", action="store_true", help="systems side by side, each in a process of its own")
    command.add_argument("--model", action="append", default=[], help="another sentence-transformers model to compare")
    options = command.parse_args(arguments)
    cases_of = mixed_cases if options.mixed else paired_cases
    paragraphs, cases = cases_of(options.questions, options.passages or options.questions)
    if options.compare:
        outcomes = compare(systems(SIDES, cases, options.model), paragraphs, cases)
        print(comparison_table(outcomes, WHOLE, len(paragraphs)))
        return 0
    report = measure(paragraphs, cases, options.embedder)
    print(table(report))
    write(report, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
