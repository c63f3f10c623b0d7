"""Exact match and F1 of the short answer on SQuAD-format files, end to end, by what the question asks for.

    python eval/short_answers.py QUESTIONS.json [--passages PARALLEL.json] [--embedder MODEL] [--output FILE]

Every paragraph is one passage of one index, as in `eval/benchmark.py`. Each question is put three ways, so that what
is missing can be told apart: to the whole system with its refusals, to the whole system without them, and without them
given the right paragraph alone. A question without a short answer counts as 0.
"""

import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from arguments import parser, write
from tqdm import tqdm

from qa.answerer import Answerer
from qa.config import AnswerSettings, SearchSettings
from qa.datatypes import Answer, Hit
from qa.evaluation import Case, answer_found, paired_cases, paragraph_index, short_scores
from qa.index import SearchIndex
from qa.question import asks_for
from qa.retriever import Retriever
from qa.significance import mean_interval

AS_IT_IS, UNREFUSED, GIVEN = "with refusals", "never refusing", "right paragraph given"
WAYS = (AS_IT_IS, UNREFUSED, GIVEN)
MEASURES = ("answered", "right paragraph first", "answer recall", "short given", "exact match", "F1")
OTHER = "other"  # what no pattern tells

Ways = dict[str, Answer]
Measured = dict[str, dict[str, float]]  # way -> measure -> value


def asking(loaded: SearchIndex) -> Callable[[Case], Ways]:
    """A function that puts a question to one index each of the three ways."""
    retriever = Retriever(loaded, SearchSettings())
    answerer = Answerer(retriever, AnswerSettings())
    unrefusing = Answerer(retriever, replace(AnswerSettings(), minimum_confidence=0.0))

    def ask(case: Case) -> Ways:
        query, hits = retriever.search(case.question)
        right = [hit for hit in hits if hit.passage.document_id in case.documents]
        unseen = (Hit(each, 0.0, None, None, None) for each in loaded.passages if each.document_id in case.documents)
        return {
            AS_IT_IS: answerer.answer(query, hits),
            UNREFUSED: unrefusing.answer(query, hits),
            GIVEN: unrefusing.answer(query, right or list(unseen)),
        }

    return ask


def measured(case: Case, ways: Ways) -> Measured:
    """What each way's answer is worth, each value in [0, 1]."""
    values: Measured = {}
    for way, answer in ways.items():
        exact, overlap = short_scores(case.answers, answer)
        first = [hit.passage.document_id in case.documents for hit in answer.hits[:1]]
        values[way] = {
            "answered": float(answer.answered),
            "right paragraph first": float(any(first)),
            "answer recall": float(answer_found(case, answer)),
            "short given": float(answer.short is not None),
            "exact match": exact,
            "F1": overlap,
        }
    return values


def figures(cases: Sequence[Case], values: Iterable[Measured]) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """Means with their intervals by kind of question (`all` first), way and measure; every case is in each mean."""
    members: dict[str, list[Measured]] = defaultdict(list)
    for case, each in zip(cases, values, strict=True):
        for kind in ("all", asks_for(case.question) or OTHER):
            members[kind].append(each)
    return {
        kind: {
            way: {name: mean_interval([each[way][name] for each in inside]) for name in MEASURES} for way in inside[0]
        }
        for kind, inside in members.items()
    }


def table(report: dict[str, dict[str, dict[str, dict[str, float]]]]) -> str:
    """The means as lines for a terminal, a line a kind and way."""
    lines = [f"{'':<20} {'':<22} answered  first  cited  short  EM     F1"]
    for kind, ways in report.items():
        for way, row in ways.items():
            label = f"{kind} ({row['F1']['count']})" if way == AS_IT_IS else ""
            answered, *means = (f"{row[name]['mean']:.3f}" for name in MEASURES)
            interval = f"[{row['F1']['low']:.3f}, {row['F1']['high']:.3f}]"
            lines.append(f"{label:<20} {way:<22} {answered:<8}  {'  '.join(means)}  {interval}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser((__doc__ or "").splitlines()[0]).parse_args(arguments)
    paragraphs, cases = paired_cases(options.questions, options.passages or options.questions)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        ask = asking(paragraph_index(Path(folder), paragraphs, options.embedder))
        values = [measured(case, ask(case)) for case in tqdm(cases, disable=None, leave=False)]
    report = figures(cases, values)
    print(table(report))
    write(report, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
