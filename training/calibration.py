"""Fits when to refuse: `python -m training.calibration ZH.json EN.json`, two parallel SQuAD-format files.

Each question is asked in all four pairings of languages: with its paragraph (answerable), with its paragraph
left out of what was found, and as a near miss (its number changed, or its weightiest word exchanged with
another question's). A logistic model for each of same-language and crossing pairs is fitted on the questions
of two thirds of the paragraphs and reported on those of the last third.
"""

import argparse
import json
import random
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score
from tqdm import tqdm

from qa.answerer import FEATURES, Answerer
from qa.config import AnswerSettings, SearchSettings
from qa.embedder import bundled_embedder
from qa.evaluation import Case, paired_cases, paragraph_index
from qa.retriever import Retriever

OUTPUT = Path(__file__).parents[1] / "qa" / "calibration.json"
_NUMBER = re.compile(r"\d+")

Example = tuple[list[float], bool, int]  # features, answerable, paragraph number


def weightiest_word(question: str) -> tuple[int, int] | None:
    """Span of the token with the longest vector, the one a question turns on."""
    model = bundled_embedder()
    spans = model.token_spans(question)
    if not spans:
        return None
    weights = np.linalg.norm(model.token_vectors(np.array([token for token, _, _ in spans])), axis=1)
    _, start, end = spans[int(weights.argmax())]
    return start, end


def near_miss(question: str, other: str, generator: random.Random) -> str | None:
    """The question with a number changed, or else with its weightiest word replaced by the other question's."""
    numbers = list(_NUMBER.finditer(question))
    if numbers and generator.random() < 0.7:
        chosen = generator.choice(numbers)
        moved = str(max(1, int(chosen.group()) + generator.choice((-3, -2, -1, 1, 2, 3))))
        return question[: chosen.start()] + moved + question[chosen.end() :]
    mine, theirs = weightiest_word(question), weightiest_word(other)
    if mine is None or theirs is None:
        return None
    replacement = other[slice(*theirs)]
    return None if replacement in question else question[: mine[0]] + replacement + question[mine[1] :]


def examples(paragraphs: dict[str, str], cases: Sequence[Case], generator: random.Random) -> Iterator[Example]:
    """Three examples a question: with its paragraph, without it, and a near miss of it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        retriever = Retriever(paragraph_index(Path(folder), paragraphs), SearchSettings())
        answerer = Answerer(retriever, AnswerSettings())
        for case in tqdm(cases):
            hits = retriever.retrieve(case.question)
            number = int(case.document)
            query = retriever.query(case.question)
            without = [hit for hit in hits if hit.passage.document_id != case.document]
            yield list(answerer.evidence(query, hits).values()), True, number
            yield list(answerer.evidence(query, without).values()), False, number
            missed = near_miss(case.question, generator.choice(cases).question, generator)
            if missed is not None:
                evidence = answerer.evidence(retriever.query(missed), retriever.retrieve(missed))
                yield list(evidence.values()), False, number


def fit(rows: Sequence[Example]) -> tuple[dict[str, float], dict[str, Any]]:
    """Coefficients by feature, and the report on held-back paragraphs."""
    features = np.array([row[0] for row in rows])
    answerable = np.array([row[1] for row in rows])
    held_back = np.array([row[2] for row in rows]) % 3 == 0
    model = LogisticRegression(C=1.0, class_weight="balanced", max_iter=5000).fit(
        features[~held_back], answerable[~held_back]
    )
    said = model.predict_proba(features[held_back])[:, 1]
    truth = answerable[held_back]
    report = {
        "examples": len(rows),
        "held back": int(held_back.sum()),
        "area under the curve": float(roc_auc_score(truth, said)),
        "Brier score": float(brier_score_loss(truth, said)),
        "by threshold": {
            f"{threshold:.2f}": {
                "answerable refused": float((said[truth] < threshold).mean()),
                "unanswerable refused": float((said[~truth] < threshold).mean()),
            }
            for threshold in (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6)
        },
    }
    coefficients = {
        "intercept": float(model.intercept_[0]),
        **dict(zip(FEATURES, map(float, model.coef_[0]), strict=True)),
    }
    return coefficients, report


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("chinese", type=Path)
    parser.add_argument("english", type=Path)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--seed", type=int, default=20260325)
    options = parser.parse_args(arguments)
    generator = random.Random(options.seed)
    rows: dict[str, list[Example]] = {"same language": [], "crossing": []}
    for questions in (options.chinese, options.english):
        for passages in (options.chinese, options.english):
            paragraphs, cases = paired_cases(questions, passages)
            rows["same language" if questions == passages else "crossing"].extend(
                examples(paragraphs, cases, generator)
            )
    fitted = {name: fit(sample) for name, sample in rows.items()}
    written = {
        "coefficients": {name: coefficients for name, (coefficients, _) in fitted.items()},
        "report": {name: report for name, (_, report) in fitted.items()},
    }
    options.output.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8", newline="\n")
    print(json.dumps(written["report"], indent=1))


if __name__ == "__main__":
    main()
