"""What came before a question: the turn it follows, what in it may give way, and what it may be pointed back to by."""

import re
from dataclasses import dataclass
from pathlib import Path

from qa.phrasing import DATE, asked_for, subject
from qa.question import SURNAMES, asks_for
from qa.text import dominant_language, simplified


@dataclass(frozen=True, slots=True)
class Turn:
    """What is kept of an exchange: the question as it was searched, and the sentences that answered it."""

    question: str
    quotes: tuple[str, ...] = ()


# --- Parts that take each other's place ---

_PLACES_FILE = Path(__file__).with_name("places.txt")
_PLACES = dict(line.split(" ", 1) for line in _PLACES_FILE.read_text(encoding="utf-8").splitlines())
_PLACES_EN = {english: chinese for chinese, english in _PLACES.items()}
PLACE = re.compile(
    f"(?:{'|'.join(sorted(_PLACES, key=len, reverse=True))})(?:[省市县区州](?!长))?|\\b(?:{'|'.join(_PLACES_EN)})\\b"
)
ORDINALS = "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last|next"
INTERCHANGEABLE = (
    DATE,
    PLACE,
    re.compile(
        rf"第[\d一二三四五六七八九十]+[届个次期代季章名位轮天]?|\b(?:\d+(?:st|nd|rd|th)|{ORDINALS})\b(?: one\b)?",
        re.IGNORECASE,
    ),
    re.compile(
        r"[中英法德日俄韩汉][文语]|西班牙[文语]|阿拉伯[文语]"
        r"|\b(?:Chinese|English|French|German|Japanese|Russian|Korean|Spanish|Arabic)\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"(?:男|女)(?:性|人|生|孩|士|子)?|儿童|小孩|成年人|成人|老年?人|青少年|孕妇"
        r"|\b(?:men|women|males?|females?|boys?|girls?|children|kids|adults|adolescents|teenagers|infants)\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"周末|(?:周|星期|礼拜)[一二三四五六日天]|工作日|节假日|平日|平时|寒假|暑假"
        r"|\b(?:weekends?|weekdays?|holidays|(?:mon|tues|wednes|thurs|fri|satur|sun)days?)\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"上午|下午|早上|中午|晚上|夜间|白天|春天|夏天|秋天|冬天|[春夏秋冬]季|\b(?:spring|summer|autumn|fall|winter)\b"
    ),
    re.compile(
        r"进口|出口|国内|国外|海外|境内|境外|线上|线下|城市|农村|\b(?:imports?|exports?|urban|rural)\b", re.IGNORECASE
    ),
    re.compile(
        r"最[大小高低长短快慢早晚多少新]|\b(?:largest|smallest|highest|lowest|longest|shortest|oldest|newest)\b"
    ),
    re.compile(r"\d+(?:\.\d+)?(?:[岁度元米%％公里斤]+| (?:years?|degrees?|metres?|percent))"),
)


def interchanged_in(previous: str, part: str) -> str:
    """The previous question with a part in the place of the last one of its kind; empty where it has none of it."""
    for kind in INTERCHANGEABLE:
        if kind.fullmatch(part):
            part = re.sub(" one$", "", part)
            others = [other for other in kind.finditer(simplified(previous)) if other.group() != simplified(part)]
            if others and simplified(part) not in simplified(previous):
                start, end = others[-1].span()
                return previous[:start] + _in_the_manner_of(previous[start:end], part) + previous[end:]
    return ""


def _in_the_manner_of(old: str, new: str) -> str:
    """A date as the old one is written, a place in its language: 2024 for 2025年 is 2024年."""
    year = re.match(r"\d{4}", old)
    if year and re.fullmatch(r"\d{4}年?", new):
        return new[:4] + old[4:]
    if old.isascii():
        return _PLACES.get(new.rstrip("省市县区州"), new)
    return _PLACES_EN.get(new, new)


# --- Whom or what a reference points to ---

_PERSON = re.compile(
    f"(?:(?<=[长师授员者家人士官裁理，。由和与为据])|^)[{SURNAMES}][一-龥]{{1,2}}"
    "(?=说|表示|介绍|认为|指出|称|提出|强调|透露|[是在担，、。（(])"
    r"|(?<=[人者师演家长]是)[一-龥·]{2,4}(?=[，。、；（(]|$)"
    r"|\b[A-Z][a-z]+(?: [A-Z]\.)?(?: [A-Z][a-z]+){1,2}\b"
)
_ASKS_WHO_IS = re.compile(r"^who(?:['’]s| is| was) (?!the\b)|^[^的]+是谁|^谁是[^的]+$", re.IGNORECASE)
_NO_PERSON = re.compile(
    r"University|Institute|Academy|Forum|Alliance|Company|Group|District|City|Street|Province|Ministry|Science|Technology"
    r"|Intelligence|Open|Source|The|North|South|River|Lake|Prize|National|International|School|College|Party|According|Report"
    r"|Plan|Centre|Center|Area|Union"
)


def antecedent(last: Turn, kind: str, *, many: bool) -> str:
    """What a reference of a kind points to after that turn; “they” are those that were counted or chosen from."""
    about = subject(last.question)
    if many and (counted := asked_for(last.question)) and counted not in about:
        return f"{about}的{counted}" if dominant_language(last.question) == "zh" else f"the {counted} of {about}"
    if kind == "place":
        return next((place.group() for place in reversed(list(PLACE.finditer(last.question)))), about)
    if kind == "person":
        if asks_for(last.question) == "person" and not _ASKS_WHO_IS.search(simplified(last.question)):
            return next((person for person in _people(*last.quotes) if person not in last.question), about)
        return next(iter(_people(about, last.question)), about)
    return about


def _people(*texts: str) -> list[str]:
    return [
        name.group()
        for text in texts
        for name in _PERSON.finditer(text)
        if not _NO_PERSON.search(name.group()) and not PLACE.search(name.group())
    ]
