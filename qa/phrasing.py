"""The parts of a question: what asks, what it is about, what points beyond it. Pure functions on text.

There is no parser here, only closed lists of words: those that ask, those that relate something to a subject (“price”,
“负责人”), and everyday verbs. What is left of a question without them is its own: its *content*. A question whose
words all stand in the lists names no subject. Unknown words count as content, so that the lists may be short of a
word and a whole question still passes as whole.
"""

import re
import unicodedata
from itertools import pairwise, takewhile
from pathlib import Path

from qa.text import MONTHS, dominant_language, simplified, terms

_HAN = "\u4e00-\u9fff"
_SIGNS = " \t\n。，、！？；：,.!?;:…～~·—-"

_WORDS_FILE = Path(__file__).with_name("question_words.txt")
_LISTS = {
    title: words.split()
    for title, words in re.findall(r"^\[(.+)\]\n([^\[]*)", _WORDS_FILE.read_text(encoding="utf-8"), re.MULTILINE)
}
_RELATIONS_ZH, _GENERAL_ZH = _LISTS["relations zh"], _LISTS["general zh"]
_VERBS_ZH, _GRAMMAR_ZH = _LISTS["verbs zh"], _LISTS["grammar zh"]
_RELATIONS_EN, _GENERAL_EN, _VERBS_EN, _GRAMMAR_EN = (
    frozenset(terms(" ".join(_LISTS[f"{title} en"]))) for title in ("relations", "general", "verbs", "grammar")
)
_ASKS_EN = frozenset(terms("who whom whose what which when where why how"))
_AUXILIARIES_EN = frozenset(
    terms("do does did is are was were be been being am has have had can could will would shall should may might must")
)

_ASKS_ZH = (
    "为什么|为何|为啥|凭什么|什么原因|什么时候|什么时间|什么地方|什么样|什么人|何时|何地|何处|何年|怎么样|怎么办|怎么|怎样|如何|"
    "谁|哪里|哪儿|多少钱|多少|多久|多大|多高|多长|多远|多快|多重|多深|几岁|几点|几号|几年|几月|几天|第几|几|"
    "星期几|周几|哪一?年|哪一?天|哪一?月|哪些|哪一?[个家位种款项座所支届次本部台国省市区]|哪|什么|啥|干嘛|何"
)
_CLASSIFIERS = "个家位种款项座所支届次本部台名只头条张件套场篇幅首片块层岁倍人元度米公里亩吨"
_NUMBERS = r"第?[\d〇零一二三四五六七八九十百千万亿两%％.]+"
_DATE_ZH = (
    r"(?:\d{4}|[〇零一二三四五六七八九]{4})年(?:\d{1,2}月(?:\d{1,2}[日号])?)?|\d{1,2}月\d{1,2}[日号]|\d{1,2}月|\d{1,2}[日号](?![线码])"
    r"|[去今明前后]年|上个?月|这个?月|下个?月|[昨今明]天"
)


def _alternatives(words: list[str]) -> str:
    return "|".join(sorted(map(re.escape, set(words)), key=len, reverse=True))


_LISTED_ZH = re.compile(
    f"{_DATE_ZH}|{_NUMBERS}[年月日号{_CLASSIFIERS}]?|{_ASKS_ZH}|"
    f"{_alternatives(_RELATIONS_ZH + _GENERAL_ZH + _VERBS_ZH + _GRAMMAR_ZH)}|[{_CLASSIFIERS}]"
)

_LISTED_EN = _RELATIONS_EN | _GENERAL_EN | _ASKS_EN | _AUXILIARIES_EN | _GRAMMAR_EN | _VERBS_EN
_WORD_EN = re.compile(r"[^\W_]+(?:[.'’-][^\W_]+)*")
_MONTHS = "|".join(map(str.capitalize, MONTHS))  # as in a date; May and March in small letters are verbs
_DATE_EN = (
    rf"(?:\d{{1,2}} )?\b(?:{_MONTHS})\b(?: \d{{1,2}}\b(?!:))?(?:,? \d{{4}})?|\b(?:1[5-9]|20)\d\ds?\b"
    r"|\b(?:last|this|next) (?:year|month|week)\b"
)
DATE = re.compile(f"{_DATE_ZH}|{_DATE_EN}")

# --- What the lists make of a question ---

_SPACE = re.compile(r"\s+")
_SPACE_IN_DATE = re.compile(r"(?<=\d) (?=[年月日号岁届])")
_FILLER_ZH = re.compile(
    r"^(?:请问|请|麻烦|哦|嗯|好的|是啊|那么?(?=[,，])|你还记得|还记得|你知道|知道|你觉得|你了解|你好|您好|我想知道|我想问|想问一下|能不能告诉我|告诉我|你知道|知不知道|那么|[,，。、！\s])+"
)
_ASK_ZH = re.compile(f"(?:{_ASKS_ZH})[{_CLASSIFIERS}]?")
_ACTS_ZH = _alternatives([verb for verb in _VERBS_ZH if len(verb) > 1])
_BREAK_ZH = re.compile(
    f"(?:{_ASKS_ZH})[{_CLASSIFIERS}]?|(?<![但于])是|有(?![限色机])|(?<![存所现实潜])在(?!线)|被|由(?!于)|将(?!军)|为(?=[何什])"
    "|能(?![源力量级])(?<![功智性可才机技动热电核]能)"
    f"|(?<![大年协委社学晚宴省议工运])会(?=[做说跑飞唱写下不用被]|{_ACTS_ZH})"
    f"|(?:[吃喝用要花卖买写拍住])(?=了?(?:{_ASKS_ZH}))|距离|一天|每天|每年"
    f"|能否|能不能|能够|可以|会不会|是否|一共|总共|目前|现在|主要|分别|都(?=[是有在])"
    f"|(?:{_ACTS_ZH})(?=了|过|于|在|着|的?(?:{_ASKS_ZH})|的?$)|的(?=[一-龥]{{0,3}}?(?:{_alternatives(_RELATIONS_ZH)})(?:$|是|有|为|{_ASKS_ZH}))|[,，;；:：]|[吗吧呢啊呀]+$"
)
_LEADING_ZH = re.compile(f"^(?:{_ACTS_ZH}|[了过着的与和及、也都还 ]|在|从|对)+")
_TRAILING_ZH = frozenset({
    *_RELATIONS_ZH, *(f"的{relation}" for relation in _RELATIONS_ZH), "平均", *"的了和与、，, 也都要能"
})  # fmt: skip
_LONGEST_TRAILING = max(map(len, _TRAILING_ZH))
_BEGINS_RELATED_ZH = re.compile(_alternatives(_RELATIONS_ZH))
_ENDS_RELATED_ZH = re.compile(f"(?:{_alternatives(_RELATIONS_ZH)})$")
_TITLED = re.compile("《[^》]+》")
_WITHIN_NAMES, _NAME_BEFORE, _NAME_AFTER = re.compile("in|on|for"), re.compile(r" [A-Z]\w* $"), re.compile(" [A-Z]")
_BEFORE_NOUN = re.compile(r"\b(?:the|an?|first|second|third|last|next)\s$", re.IGNORECASE)
_COUNTED_ZH = re.compile(f"(?:多少|几(?!何)|哪些|哪几)[{_CLASSIFIERS}]?([一-龥]+?)(?=$|[的了是有在被由参支来自])")
_COUNTED_EN = re.compile(r"\b(?:how many|which|what) (\w+s)\b(?! that\b)", re.IGNORECASE)
_PREPOSITIONS = re.compile(
    "in|on|at|to|for|from|by|with|about|into|over|under|between|during|before|after|since|until|against|through|than|as|per"
    "|via|near|around"
)


def plain(text: str) -> str:
    """Text in NFKC width on one line, without signs at its ends; its Traditional characters stay."""
    written = unicodedata.normalize("NFKC", text.encode("utf-8", "replace").decode("utf-8"))
    return _SPACE_IN_DATE.sub("", _SPACE.sub(" ", written)).strip(_SIGNS + "\"'“”‘’()")


def content(text: str) -> str:
    """What of a text is in none of the lists, a space between its parts; empty where it names nothing of its own."""
    if dominant_language(text) == "zh":
        return " ".join(_LISTED_ZH.sub(" ", simplified(text)).translate(_AS_SPACES).split())
    text = DATE.sub(" ", text)
    return " ".join(word.group() for word in _WORD_EN.finditer(text) if _is_own(word) or _is_verbal_noun(word))


_AS_SPACES = dict.fromkeys(map(ord, _SIGNS + "《》「」『』“”‘’\"'()（）"), " ")


def _is_own(word: re.Match[str]) -> bool:
    found = terms(word.group())
    named = word.start() > 0 and word.group()[0].isupper() and word.group() != "I"
    return named or any(term not in _LISTED_EN and not term.replace(".", "").isdigit() for term in found)


def _is_verbal_noun(word: re.Match[str]) -> bool:
    """Whether a listed verb stands as a noun: “the study”, “a second test”."""
    stems = _stems(word)
    return stems <= _VERBS_EN - _RELATIONS_EN and bool(_BEFORE_NOUN.search(word.string[: word.start()]))


def subject(question: str) -> str:
    """What a question is about, as it is written there; the whole of what it says where no part stands out."""
    text = plain(question)
    if titled := _TITLED.search(text):
        return titled.group()
    pieces = _pieces_zh(text) if dominant_language(text) == "zh" else _pieces_en(text)
    return next((piece for piece in pieces if content(piece)), "") or statement(question)


def statement(question: str) -> str:
    """A question without the words that ask."""
    text = plain(question)
    if dominant_language(text) == "zh":
        text = _FILLER_ZH.sub("", text)
        return re.sub("[是吗呢的]+$", "", _without(text, _ASK_ZH)) or text
    words = list(_WORD_EN.finditer(text))
    asking = [word for word in words if _stems(word) & (_ASKS_EN | {"mani", "much"})]
    aux = next((word for word in words if _stems(word) & _AUXILIARIES_EN), None)
    dropped = {word.span() for word in (*asking, *([aux] if aux else []))}
    kept = [word.group() for word in words if word.span() not in dropped]
    return " ".join(kept) or text


def _without(text: str, pattern: re.Pattern[str]) -> str:
    """The text without what the pattern finds in its Simplified form."""
    kept: list[str] = []
    position = 0
    for match in pattern.finditer(simplified(text)):
        kept.append(text[position : match.start()])
        position = match.end()
    return "".join((*kept, text[position:]))


def _pieces_zh(text: str) -> list[str]:
    """The parts between verbs and asking words, those asked for (“哪些芯片”) last."""
    folded = simplified(text)
    begin = len(folded) - len(_FILLER_ZH.sub("", folded))
    breaks = [(begin, begin, ""), *((m.start(), m.end(), m.group()) for m in _BREAK_ZH.finditer(folded, begin))]
    ends = [start for start, _, _ in breaks[1:]] + [len(text)]
    first: list[str] = []
    last: list[str] = []
    for (_, start, mark), end in zip(breaks, ends, strict=True):
        piece = folded[start:end]
        leading = _LEADING_ZH.match(piece) if mark else None
        start += leading.end() if leading else 0
        trailing = _trailing_zh(folded, start, end)
        if trailing < end and content(folded[start:trailing]):
            end = trailing
        asked_for = bool(_ASK_ZH.fullmatch(mark)) and mark[0] in "哪几多什何"
        (last if asked_for and not leading else first).append(text[start:end].strip(_SIGNS))
    return [*first, *last]


def _trailing_zh(text: str, start: int, end: int) -> int:
    """Where the longest run of relations and small words begins that `text[start:end]` ends with; `end` without one.

    From the end backwards: a regular expression would try each start anew, and each way to cut a run in words.
    """
    reached = [end]
    place = end - 1
    while place >= start and reached[-1] - place <= _LONGEST_TRAILING:
        near = takewhile(lambda after: after - place <= _LONGEST_TRAILING, reversed(reached))  # noqa: B023 - used at once
        if any(text[place:after] in _TRAILING_ZH for after in near):
            reached.append(place)
        place -= 1
    return reached[-1]


def _stems(word: re.Match[str]) -> set[str]:
    return set(terms(word.group()))


def _breaks_en(word: re.Match[str]) -> bool:
    """Whether a word stands in no subject: one that asks, an auxiliary, a verb, a preposition but “of”."""
    text, before, after = word.group(), word.string[: word.start()], word.string[word.end() :]
    if text[0].isupper() and before:
        return False
    if _WITHIN_NAMES.fullmatch(text) and _NAME_BEFORE.search(before) and _NAME_AFTER.match(after):
        return False
    if text.lower() in {"the", "a", "an", "of", "and"}:
        return False
    listed = _stems(word) <= _ASKS_EN | _AUXILIARIES_EN | _GRAMMAR_EN | _VERBS_EN
    if _PREPOSITIONS.fullmatch(text.lower()) or (text.endswith("ed") and not _BEFORE_NOUN.search(before)):
        return True
    return listed and not _stems(word) <= _RELATIONS_EN


def _pieces_en(text: str) -> list[str]:
    """The noun phrases: names first, then those with an article, others, and those asked for (“how many chips”)."""
    runs: list[tuple[int, list[re.Match[str]]]] = []
    current: list[re.Match[str]] = []
    rank = 2
    previous: re.Match[str] | None = None
    for word in _WORD_EN.finditer(text):
        asks_before = previous is not None and (
            previous.group().lower() == "who" or (_stems(previous) & _ASKS_EN and _stems(word) <= _VERBS_EN)
        )
        cut = previous is not None and re.search("[,;:?!]", text[previous.end() : word.start()])
        breaks = _breaks_en(word) or asks_before
        if cut or breaks:
            if current:
                runs.append((rank, current))
            current = []
            asks = _stems(word) & _ASKS_EN
            rank = 3 if asks or (rank == 3 and not current and _stems(word) & {"mani", "much", "kind"}) else 2
        if not breaks:
            current.append(word)
        previous = word
    if current:
        runs.append((rank, current))
    named = [(_rank(rank, run), _phrase(text, run)) for rank, run in runs]
    return [phrase for _, phrase in sorted(named, key=lambda pair: pair[0])]


def _rank(rank: int, run: list[re.Match[str]]) -> int:
    if rank == 3:
        return 3
    if any(word.start() > 0 and word.group()[0].isupper() for word in run):
        return 0
    return 1 if run[0].group().lower() == "the" else 2


def _phrase(text: str, run: list[re.Match[str]]) -> str:
    """A noun phrase without the relation it begins with (“the theme of”) or ends with (“’s price”)."""
    small = [word.group().lower() for word in run]
    while small and small[-1] in {"of", "and", "the", "a", "an"}:
        small.pop()
    first, last = 0, len(small)
    for position, (word, following) in enumerate(pairwise(small[:last])):
        if following == "of" and set(terms(word)) <= _RELATIONS_EN | _GENERAL_EN:
            first = position + 2
    while last - 1 > first and set(terms(small[last - 1])) <= _RELATIONS_EN and run[last - 1].group().islower():
        last -= 1
    if first >= last:
        return ""
    return re.sub("['’]s$", "", text[run[first].start() : run[last - 1].end()])


def asked_for(question: str) -> str:
    """The thing that a question counts or chooses from: “robots” of “how many robots”; else nothing."""
    text = plain(question)
    found = _COUNTED_ZH.search(simplified(text)) if dominant_language(text) == "zh" else _COUNTED_EN.search(text)
    return found.group(1) if found and content(found.group(1)) else ""


def begins_with_relation(text: str) -> bool:
    """Whether the first word of a Chinese text relates something to a subject: “负责人是谁”."""
    return _BEGINS_RELATED_ZH.match(simplified(text)) is not None


def ends_with_relation(text: str) -> bool:
    """Whether the last word of a text does: “what was the theme”."""
    if dominant_language(text) == "zh":
        return _ENDS_RELATED_ZH.search(simplified(text)) is not None
    words = list(_WORD_EN.finditer(text))
    return bool(words) and _stems(words[-1]) <= _RELATIONS_EN | _GENERAL_EN
