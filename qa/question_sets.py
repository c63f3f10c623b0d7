"""A set of questions with known answers, as someone hands it over: JSON Lines as `qa eval` reads them, or SQuAD format.

A line may be one of a conversation: it has the `"chain"` that its lines have in common, or holds all of them as
`"turns"`. The first of a conversation stands alone, so that it is one of the questions too.

The questions of a SQuAD-format file are about paragraphs of its own. They are put to the index as it is, and those
whose paragraph stands in no article of it are left out: nobody could say what the right answer to them is there.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qa import question_files
from qa.datatypes import Passage
from qa.errors import QuestionError
from qa.evaluation import (
    Case,
    GoldChain,
    GoldQuestion,
    GoldTurn,
    parse_chains,
    parse_questions,
    parse_squad,
    read_chains,
)
from qa.messages import Message
from qa.text import dominant_language, fold

MOST_QUESTIONS = 5_000
SQUAD = "SQuAD"  # the type of every question of such a file


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Questions to be put to an index.

    Attributes:
        name: of the file.
        questions: at least one.
        left_out: how many questions of the file are about paragraphs that no article holds.
        chains: conversations, whose questions lean on those before them.
    """

    name: str
    questions: tuple[GoldQuestion, ...]
    left_out: int = 0
    chains: tuple[GoldChain, ...] = ()

    @property
    def turns(self) -> int:
        """How many questions the conversations have."""
        return sum(len(chain.turns) for chain in self.chains)


def read(questions: Path, follow_ups: Path | None = None) -> QuestionSet:
    """The questions of a JSON Lines file, with its conversations and those of another file.

    Raises:
        QuestionError: naming the line that cannot be read.
    """
    found = _of_lines(str(questions), question_files.lines(questions))
    return _without_repeats(replace(found, chains=(*found.chains, *read_chains(follow_ups)))) if follow_ups else found


def follow_ups_of(questions: Path) -> Path | None:
    """The file of conversations beside a file of questions; None where there is none."""
    beside = questions.with_name("follow_ups.jsonl")
    return beside if beside.is_file() else None


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
        found = _of_lines(name, lines)
    else:
        found = _squad(name, content, passages)
    if (count := len(found.questions) + found.turns) > MOST_QUESTIONS:
        raise QuestionError(Message("many_questions", {"name": name, "count": count, "most": MOST_QUESTIONS}))
    return found


def _of_lines(name: str, lines: Iterable[tuple[int, str]]) -> QuestionSet:
    """The questions of JSON Lines, and their conversations."""
    read = [(number, line, _record(line)) for number, line in lines]
    whole = [(number, line) for number, line, record in read if "turns" in record]
    chains = parse_chains(whole, name) if whole else []
    alone = [each for each in read if "turns" not in each[2]]
    golds = parse_questions([(number, line) for number, line, _ in alone], name) if alone or not whole else []
    asked = [_first(chain) for chain in chains]
    conversations: dict[str, list[tuple[GoldQuestion, Mapping[str, Any]]]] = defaultdict(list)
    for gold, (_, _, record) in zip(golds, alone, strict=True):
        conversation = conversations[str(record["chain"])] if record.get("chain") else []
        conversation.append((gold, record))
        if len(conversation) == 1:
            asked.append(gold)
    chains += [_conversation(lines) for lines in conversations.values() if len(lines) > 1]
    return _without_repeats(QuestionSet(name, tuple(asked), chains=tuple(chains)))


def _without_repeats(found: QuestionSet) -> QuestionSet:
    """The set; raises QuestionError where an id stands for two questions or two conversations."""
    for identities in ([each.id for each in found.questions], [each.id for each in found.chains]):
        for identity, count in Counter(identities).items():
            if count > 1:
                raise QuestionError(Message("two_questions", {"path": found.name, "name": identity}))
    return found


def _record(line: str) -> Mapping[str, Any]:
    """What a line holds; nothing where it is no JSON object, which is said by who parses it."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def _first(chain: GoldChain) -> GoldQuestion:
    turn = chain.turns[0]
    return GoldQuestion(
        chain.id, turn.question, chain.language, "first", turn.documents, turn.answers, short=turn.short
    )


def _conversation(lines: Sequence[tuple[GoldQuestion, Mapping[str, Any]]]) -> GoldChain:
    """The conversation of lines that have their `"chain"` in common."""
    turns = tuple(
        GoldTurn(
            gold.question,
            number == 0 or record.get("standalone") is True,
            str(record.get("means", "")),
            gold.documents,
            gold.answers,
            gold.short,
        )
        for number, (gold, record) in enumerate(lines)
    )
    gold, record = lines[0]
    return GoldChain(str(record["chain"]), gold.language, turns)


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
