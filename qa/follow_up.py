"""An incomplete question made whole with what came before it; a complete one stays as it is.

A question is incomplete in one of four ways, looked for in this order:

1. it asks to go on: “具体呢？”, “tell me more”;
2. it is a part put in the place of another: “那2024年呢？”, “what about Tianjin?”;
3. it points back, and to nothing within itself: “它是哪个团队做的？”, “when was it founded?”;
4. it names nothing of its own: “为什么？”, “负责人是谁？”, “how many members?”.

What is missing comes from the last turn that had a subject: from its question as it was searched, so that a
follow-up of a follow-up builds on it, and for people from the sentences that answered it.
"""

import re
from collections.abc import Sequence

from qa.datatypes import Answer
from qa.follow_up_chinese import complete_chinese
from qa.follow_up_english import complete_english
from qa.phrasing import content, plain
from qa.text import dominant_language, simplified
from qa.turns import Turn


def turn(answer: Answer) -> Turn:
    """What to keep of an answer for the questions that follow it."""
    return Turn(answer.searched, tuple(citation.quote for citation in answer.citations))


def complete(question: str, history: Sequence[Turn]) -> str:
    """The question as it is to be searched, given the turns before it, oldest first.

    The very text that was given where nothing is missing, or nothing came before that could fill it.
    """
    last = next(
        (turn for turn in reversed(history) if content(plain(turn.question)) and not _is_courtesy(turn.question)), None
    )
    text = plain(question)
    if last is None or not text or _is_courtesy(question):
        return question
    has_words = any(character.isalpha() for character in text)
    language = dominant_language(text if has_words else last.question)
    return (complete_chinese if language == "zh" else complete_english)(text, last) or question


def _is_courtesy(text: str) -> bool:
    return _COURTESY.fullmatch(simplified(plain(text))) is not None


_COURTESY = re.compile(
    r"(?:(?:非常|太|多)?(?:谢谢|感谢|多谢)(?:[你您]|大家)?(?:了|啦)?|好的?|好吧|行|可以|知道了|明白了?|懂了|原来如此|你好|您好|嗨|再见|拜拜|早上好"
    r"|ok|okay|thanks?|thank you|thx|very much|so much|a lot|great|good|fine|nice|cool|got it|i see|hi|hello|hey|bye"
    r"|goodbye|good (?:morning|evening)|never ?mind|[\s,.!，。！、])+",
    re.IGNORECASE,
)
