"""How well answerable and unanswerable questions are told apart, on SQuAD-format files.

    python eval/refusals.py QUESTIONS.json [--passages PARALLEL.json] [--embedder MODEL] [--output FILE]

The articles are dealt into two indexes, and every question is put to both: to the one that holds its article, and to
the one that does not, where it must be refused. Every paragraph is one passage, as in `eval/benchmark.py`.
"""

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from arguments import parser, write
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

from qa.answerer import Answerer
from qa.config import AnswerSettings, SearchSettings
from qa.datatypes import Answer
from qa.evaluation import article_of_each, paired_cases, paragraph_index
from qa.retriever import Retriever
from qa.significance import mean_interval

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


def answers(questions: Path, passages: Path, embedder: str) -> dict[str, list[Answer]]:
    """Each question's answer with its article `kept` and `removed`, in the order of the file."""
    paragraphs, cases = paired_cases(questions, passages)
    articles = article_of_each(passages)
    found: dict[str, dict[str, Answer]] = {"kept": {}, "removed": {}}
    for half in (0, 1):
        held = {name: text for name, text in paragraphs.items() if articles[name] % 2 == half}
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            retriever = Retriever(paragraph_index(Path(folder), held, embedder), SearchSettings())
            answerer = Answerer(retriever, AnswerSettings())
            for case in tqdm(cases, desc="asking", disable=None):
                way = "kept" if case.documents[0] in held else "removed"
                found[way][case.id] = answerer.answer(*retriever.search(case.question))
    return {way: [values[case.id] for case in cases] for way, values in found.items()}


def figures(found: Mapping[str, Sequence[Answer]]) -> dict[str, Any]:
    """Shares refused, with 95% intervals, as it ships and at other thresholds, and the area under the curve."""
    kept, removed = (np.array([answer.confidence for answer in found[way]]) for way in ("kept", "removed"))
    truth = np.repeat([1, 0], [len(kept), len(removed)])
    return {
        "questions": len(kept),
        "area under the curve": float(roc_auc_score(truth, np.concatenate([kept, removed]))),
        "answerable refused": mean_interval([float(not answer.answered) for answer in found["kept"]]),
        "unanswerable refused": mean_interval([float(not answer.answered) for answer in found["removed"]]),
        "by threshold": {
            f"{threshold:.1f}": {
                "answerable refused": float((kept < threshold).mean()),
                "unanswerable refused": float((removed < threshold).mean()),
            }
            for threshold in THRESHOLDS
        },
    }


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser((__doc__ or "").splitlines()[0]).parse_args(arguments)
    report = figures(answers(options.questions, options.passages or options.questions, options.embedder))
    write(report, options.output)
    print(json.dumps(report, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
