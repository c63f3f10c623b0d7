"""A set of questions with known answers, as someone hands it over: JSON Lines as `qa eval` reads them, or SQuAD format.

The questions of a SQuAD-format file are about paragraphs of its own. They are put to the index as it is, and those
whose paragraph stands in no article of it are left out: nobody could say what the right answer to them is there.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qa.datatypes import Passage
from qa.errors import QuestionError
from qa.evaluation import Case, GoldQuestion, parse_questions, parse_squad
from qa.messages import Message
from qa.text import dominant_language, fold

MOST_QUESTIONS = 5_000
SQUAD = "SQuAD"  # the type of every question of such a file


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Questions to be put to an index.

    Attributes:
        name: of the file.
        questions: at least one, at most `MOST_QUESTIONS`.
        left_out: how many questions of the file are about paragraphs that no article holds.
    """

    name: str
    questions: tuple[GoldQuestion, ...]
    left_out: int = 0


def parse(name: str, text: str, passages: Sequence[Passage]) -> QuestionSet:
    """The questions of a file.

    Args:
        name: of the file, for errors.
        text: what it holds.
        passages: all of the index, in which the paragraphs of a SQuAD-format file are looked for.

    Raises:
        QuestionError: if it is of neither format, if nothing of it can be asked here, or it holds too many questions.
    """
    text = text.removeprefix("\ufeff")
    content = _whole(text)
    if content is None:
        lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
        found = QuestionSet(name, tuple(parse_questions(lines, name)))
    else:
        found = _squad(name, content, passages)
    if len(found.questions) > MOST_QUESTIONS:
        told = {"name": name, "count": len(found.questions), "most": MOST_QUESTIONS}
        raise QuestionError(Message("many_questions", told))
    return found


def _whole(text: str) -> Mapping[str, object] | None:
    """The object of a SQuAD-format file; None where the text is something else."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) and "data" in content else None


def _squad(name: str, content: Mapping[str, object], passages: Sequence[Passage]) -> QuestionSet:
    try:
        paragraphs, cases = parse_squad(content)
        articles = _bodies(passages)
        homes = {key: _homes(paragraph, articles) for key, paragraph in paragraphs.items()}
        asked = tuple(
            _question(case, paragraphs[case.documents[0]], homes[case.documents[0]])
            for case in cases.values()
            if homes[case.documents[0]]
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise QuestionError(Message("no_question_set", {"name": name})) from error
    if not asked:
        raise QuestionError(Message("no_paragraph", {"name": name, "count": len(paragraphs)}))
    return QuestionSet(name, asked, len(cases) - len(asked))


def _bodies(passages: Sequence[Passage]) -> dict[str, str]:
    """The text of each article, put together from its passages, as `_bare` compares it."""
    pieces: dict[str, list[str]] = {}
    ends: dict[str, int] = {}
    for passage in passages:
        done = max(0, ends.get(passage.document_id, 0) - passage.start)
        pieces.setdefault(passage.document_id, []).append(passage.text[done:])
        ends[passage.document_id] = passage.end
    return {identity: _bare("".join(texts)) for identity, texts in pieces.items()}


def _bare(text: str) -> str:
    return "".join(fold(text).split())


def _homes(paragraph: str, articles: Mapping[str, str]) -> tuple[str, ...]:
    """The articles that hold a paragraph, white space aside."""
    bare = _bare(paragraph)
    return tuple(identity for identity, body in articles.items() if bare and bare in body)


def _question(case: Case, paragraph: str, homes: tuple[str, ...]) -> GoldQuestion:
    """A question of a SQuAD-format file; one without answers, as SQuAD 2.0 has them, must be refused."""
    language, answers = dominant_language(case.question), tuple(each for each in case.answers if each.strip())
    return GoldQuestion(
        id=str(case.id),
        question=case.question,
        language=language,
        type=SQUAD,
        documents=homes if answers else (),
        answers=answers,
        crossing=bool(answers) and dominant_language(paragraph) != language,
    )
