"""What a question insists on (the numbers it names) and asks for (a date, a person …): pure functions on text."""

import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Literal, get_args

from qa.text import MONTHS, fold, simplified

Kind = Literal["date", "money", "share", "number", "person", "organisation", "place", "reason", "means", "list"]

KINDS: tuple[Kind, ...] = get_args(Kind)

_HAN_RUN = re.compile(r"[\u4e00-\u9fff]{3,}")
_WORD = re.compile(r"[a-z0-9]+")
_ARABIC_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
HAN_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
HAN_UNITS = {"十": 10, "百": 100, "千": 1_000, "万": 10_000, "亿": 100_000_000}
HAN_NUMERAL = "".join((*HAN_DIGITS, *HAN_UNITS))
_LONGEST_NUMERAL = 24  # characters; a longer run is no number that anyone has written
_HAN_NUMBER = re.compile(f"[{HAN_NUMERAL}]{{1,{_LONGEST_NUMERAL}}}")
_HAN_NUMBER_IN_USE = re.compile(
    f"(?<=第)[{HAN_NUMERAL}]{{1,{_LONGEST_NUMERAL}}}|[{HAN_NUMERAL}]{{1,{_LONGEST_NUMERAL}}}(?=[年月日届])"
)
_FIGURE = re.compile(f"{_ARABIC_NUMBER.pattern}|{_HAN_NUMBER.pattern}")
ENGLISH_UNITS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
ENGLISH_TEENS = [
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
ENGLISH_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_CARDINALS = {
    **{word: value for value, word in enumerate((*ENGLISH_UNITS, *ENGLISH_TEENS), start=1)},
    **{word: 10 * value for value, word in enumerate(ENGLISH_TENS, start=2)},
}
_IRREGULAR_ORDINALS = {"third": 3, "fifth": 5, "eighth": 8, "ninth": 9, "twelfth": 12}  # first, second: seldom editions
_ORDINALS = {
    **{f"{word}th": value for word, value in _CARDINALS.items() if value > 2 and not word.endswith("y")},
    **{f"{word[:-1]}ieth": value for word, value in _CARDINALS.items() if word.endswith("y")},
    **_IRREGULAR_ORDINALS,
}
_AFTER_TENS = {"first": 1, "second": 2, **_ORDINALS}
_ENGLISH_NUMBER = re.compile(
    rf"\b(?:(?P<tens>{'|'.join(ENGLISH_TENS)})[ -](?P<ones>{'|'.join((*ENGLISH_UNITS, *_AFTER_TENS))})"
    r"|(?P<word>[a-z]+))\b"
)

# What a question asks for, by its words; the first pattern that fits counts. Matched against folded text.
_ASKS_FOR: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (
        "date",
        re.compile(
            r"什么时候|什么时间|何时|(?:周|星期|礼拜)几|何年|哪一?[年天月日]|哪个?(?:年份|年代|世纪|月份|日子|年|月)|几月|几号|几年(?!前|后)|从哪天"
            r"|\bwhen\b|\b(?:what|which) (?:\w+ )?(?:year|date|day|month|century|decade)s?\b"
        ),
    ),
    (
        "money",
        re.compile(
            r"多少钱|什么价|多少[^，。？]{0,6}(?:[美欧日港]?元|英镑|经费|资金)"
            r"|(?:金额|价格|售价|票价|费用|造价|身价|薪水|工资|成本|总额|估值|产值|规模)[^，。？]{0,6}(?:多少|多[高大少]|几)"
            r"|(?:多少|多[高大])的?(?:金额|价格|费用|造价|估值)|花了?多少|要花多少"
            r"|\bhow much (?:money|did|does|do|was|were|is|are|would|will|has|have)\b|\bhow expensive\b"
            r"|\bwhat (?:\w+ ){0,3}(?:price|cost|fee|sum|salary|revenue|amount of money)\b"
            r"|\bhow many (?:\w+ ){0,2}(?:dollars|yuan|pounds|euros|cents)\b"
        ),
    ),
    (
        "share",
        re.compile(
            r"百分之几|百分比|几成|多[大少高]比[例重率]|(?:比例|比重|占比|比率|率|份额)[^，。？]{0,5}(?:多少|多[高大]|几)"
            r"|占[^，。？]{0,12}(?:多少|几)|\b(?:what|which) (?:\w+ )?(?:percent\w*|share|proportion|fraction|rate)\b"
        ),
    ),
    (
        "number",
        re.compile(
            r"多少|几(?!乎)|多[大高长久重快远深宽厚]"
            r"|\bhow (?:many|much|old|long|far|large|big|high|tall|often|fast|wide|deep|heavy|hot|cold)\b"
            r"|\b(?:what|which) (?:is the |was the )?"
            r"(?:number|amount|size|value|age|speed|length|distance|temperature)\b"
        ),
    ),
    (
        "reason",
        re.compile(
            r"为什么|为何|为啥|何以|什么原因|原因是|什么缘故|缘何|因何|图的是什么"
            r"|\bwhy\b|\bwhat (?:\w+ )?(?:reason|caused?|led)\b"
        ),
    ),
    (
        "person",
        re.compile(
            r"谁|哪一?位|何人|什么人|哪一?个人|哪名|叫什么名字|\bwho\b|\bwhose\b|\bwhom\b"
            r"|\bwh(?:at|ich) (?:\w+ )?(?:person|man|woman|king|queen|emperor|president|author|writer|director"
            r"|scientist|actor|actress|singer|player|leader|general|professor|academician|founder|inventor)\b"
        ),
    ),
    (
        "organisation",
        re.compile(
            r"(?:哪|什么|何)一?[家个所些支]?"
            r"(?:机构|公司|企业|单位|组织|大学|高校|学校|院校|学院|团队|部门|研究院|球队|政府部门|集团|政党)"
            r"|哪一?[家所]|由哪[几两些]?方"
            r"|\bwh(?:at|ich) (?:\w+ ){0,2}(?:compan|organi[sz]ation|institut|universit|team|agenc|bod(?:y|ies)|group"
            r"|firm|school|college|department|party|club|council|ministr|association)\w*"
        ),
    ),
    (
        "place",
        re.compile(
            r"哪里|哪儿|何处|何地|在哪(?!一?[年天月日])|什么地方|哪些?地方"
            r"|哪一?[个座片条些]?(?:国家?|城市?|省份?|州|县|区|岛|河流?|湖|山|海|洲|地区|村|镇|街)|\bwhere\b"
            r"|\bwh(?:at|ich) (?:\w+ )?(?:countr|cit|place|town|state|province|continent|island|river|region|district"
            r"|part of|location|area|village|street)\w*"
        ),
    ),
    (
        "list",
        re.compile(
            r"哪些|哪[几两三四五六]"
            r"|\bwh(?:at|ich) (?:\w+ )?(?:are|were|(?!was\b|does\b|has\b|this\b)\w+[^s\W]s)\b|\bname the\b"
        ),
    ),
    (
        "means",
        re.compile(
            r"怎[样么]|如何|什么(?:方式|办法|方法|手段|途径)|靠(?:什么|哪)|\bhow\b|\bwhat (?:way|means|method)\b"
        ),
    ),
)

_NAME = r"(?<![.!?] )(?<!^)\b[A-Z][\w’'-]+"
SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林郑罗梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金"
    "石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤左来闻伍"
)
# What answers each kind. Patterns with letters' case in them are matched against the text as it stands.
_OFFERS: dict[Kind, re.Pattern[str]] = {
    "date": re.compile(
        r"\d\s*[年月日]|[〇零一二三四五六七八九十]+[年月日]|(?:周|星期|礼拜)[一二三四五六日天末]|[今去明前]年|[年世][初底末纪]|世纪|年代"
        rf"|\b(?:{'|'.join(MONTHS)})\b|\b[12]\d{{3}}\b|\d(?:st|nd|rd|th|s)\b|\bcentur"
        r"|\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\b(?:yester|to)day\b|\b(?:last|this) year\b",
        re.IGNORECASE,
    ),
    "money": re.compile(
        r"[\d一二三四五六七八九十百千万亿两][^，。；]{0,3}(?:[美欧日港台]?元|英镑|卢布|法郎|圆|块钱)|[$€£¥￥]\s?\d"
        r"|\b(?:dollar|euro|pound|yuan|cent|ruble|franc|yen)s?\b|\brmb\b",
        re.IGNORECASE,
    ),
    "share": re.compile(
        r"[%％]|百分之|分之|[一二三四五六七八九两\d]成|过半|半数|一半"
        r"|\bper ?cent|\bhalf\b|\bthirds?\b|\bquarters?\b|\bfifths?\b",
        re.IGNORECASE,
    ),
    "reason": re.compile(
        r"因为|由于|因此|因而|所以|为了|以便|导致|造成|原因|缘于|源于|出于|使得|致使|从而|是为"
        r"|\bbecause\b|\bdue to\b|\bso that\b|\bin order\b|\btherefore\b|\bsince\b|\bcaus|\bas a result\b"
        r"|\bthus\b|\breason"
        r"|\bto (?:\w+ly )?(?!the\b|a\b|an\b)[a-z]+\b|\bled to\b|\bfor fear\b|\bowing\b",
        re.IGNORECASE,
    ),
    "means": re.compile(
        r"通过|采用|利用|借助|依靠|依托|使用|运用|方式|方法|凭借|靠|以[^，。]{1,12}(?:的方式|为)|把|将"
        r"|\bby\b|\bthrough\b|\busing\b|\bwith\b|\bvia\b|\bmeans of\b",
        re.IGNORECASE,
    ),
    "person": re.compile(
        rf"(?:^|[^\u4e00-\u9fff]|[与和由是者长员家授任师士总理王帝席])[{SURNAMES}][\u4e00-\u9fff]{{1,2}}"
        r"|[\u4e00-\u9fff]{2,}[·•‧][\u4e00-\u9fff]+"
        r"|\b[A-Z][\w’'-]+ (?:[A-Z]\. ?)?(?:(?:van|von|de|al|bin) )?[A-Z][\w’'-]+"
        r"|\b(?:Mr|Mrs|Ms|Dr|Sir|King|Queen|President|Lord)\b"
        rf"|{_NAME}|[\u4e00-\u9fff](?:一世|二世|三世|皇帝|大帝|国王|女王)"
    ),
    "organisation": re.compile(
        r"公司|企业|大学|学校|高校|实验室|集团|[部局厅院所署处会社党团队军盟]|中心|银行|组织|政府"
        r"|\b(?:University|Institute|Company|Corporation|Committee|Council|Agency|Association|Bank|Group|Academy"
        rf"|Ministry)\b|{_NAME}|\bteam\b"
    ),
    "place": re.compile(
        r"[省市县区国州镇岛山河湖海路街洲村港城寺园馆](?![长民家])|[东南西北]部|境内|沿岸|附近|[一-龥]在[一-龥]{2,}"
        rf"|{_NAME}|\b(?:north|south|east|west)(?:ern)?\b"
    ),
    "list": re.compile(r"[、]|以及|[和与及]|(?:,[^,]+){2,}|,? (?:and|or) |\b(?:both|include)", re.IGNORECASE),
}


@lru_cache(maxsize=1024)  # every stage of a question wants to know
def asks_for(question: str) -> Kind | None:
    """What the question's words ask for; None where no pattern tells."""
    folded = fold(question)
    return next((kind for kind, pattern in _ASKS_FOR if pattern.search(folded)), None)


_QUESTION_WORD = re.compile(
    r"\bwh(?:at|ich|ose|om?|en|ere|y)\b|\bhow(?: (?:many|much|long|old|far|large|big|often))?\b"
    r"|[什甚]么|哪[一些几个种位家所]*|谁|何|为啥|多少|几|怎[么样]*|如何",
    re.IGNORECASE,
)


def question_word(question: str) -> tuple[int, int] | None:
    """The place of the first word that asks; None where there is none."""
    found = _QUESTION_WORD.search(simplified(question))
    return found.span() if found else None


def offered(sentence: str, question: str) -> list[tuple[int, int]]:
    """The places in a sentence of what the question asks for, by its kind; none where the kind is not known."""
    kind = asks_for(question)
    if kind is None:
        return []
    pattern = _FIGURE if kind == "number" else _OFFERS[kind]
    return [match.span() for match in pattern.finditer(simplified(sentence))]


def offers(sentence: str, kind: Kind, question: str) -> bool:
    """Whether a sentence holds something of that kind: for a number, one that the question does not itself name."""
    if kind == "number":
        return bool(numbers_stated(sentence) - numbers_named(question) - {"1"})  # a lone 一 or "one" is no figure
    return _holds(sentence, kind)


@lru_cache(maxsize=8192)  # a question reads its best passages several times
def _holds(sentence: str, kind: Kind) -> bool:
    return bool(_OFFERS[kind].search(simplified(sentence)))


def kind_evidence(sentences: Sequence[str], question: str, kinds: Mapping[str, Sequence[float]]) -> list[float]:
    """For each sentence, the log likelihood ratio of its holding (or lacking) what is asked for; 0 if unknown.

    Args:
        sentences: what may hold it.
        question: what asks for it.
        kinds: for each kind the ratio where a sentence holds one, and where it does not.
    """
    kind = asks_for(question)
    if kind is None or kind not in kinds:
        return [0.0] * len(sentences)
    holding, lacking = kinds[kind]
    return [holding if offers(sentence, kind, question) else lacking for sentence in sentences]


def phrases(question: str) -> frozenset[str]:
    """What a passage that words it the same way holds, folded: each three Han characters and two words in a row."""
    folded = fold(question)
    han = (run[i : i + 3] for run in _HAN_RUN.findall(folded) for i in range(len(run) - 2))
    words = [(match.start(), match.end()) for match in _WORD.finditer(folded)]
    pairs = (folded[start:stop] for (start, end), (begin, stop) in pairwise(words) if begin - end == 1)
    return frozenset((*han, *pairs))


def share_held(wanted: Collection[str], text: str) -> float:
    """The share of the phrases that a text holds, words whole."""
    folded = _folded(text)
    held = sum(phrase in folded and (not phrase.isascii() or _stands(phrase, folded)) for phrase in wanted)
    return held / len(wanted) if wanted else 0.0


@lru_cache(maxsize=8192)  # the passages of one article are the best for many a question
def _folded(text: str) -> str:
    return fold(text)


def _stands(phrase: str, folded: str) -> bool:
    return re.search(rf"\b{re.escape(phrase)}\b", folded) is not None


@lru_cache(maxsize=64)  # each sentence of the best passages is compared with one question
def numbers_named(question: str) -> frozenset[str]:
    """The values a question insists on: digits, Chinese numerals of a year, date or edition, English ordinals."""
    folded = fold(question)
    values = {number.replace(",", "") for number in _ARABIC_NUMBER.findall(folded)}
    values.update(_han_value(number) for number in _HAN_NUMBER_IN_USE.findall(folded))
    return frozenset(values | _english_values(folded, ordinals_alone=True))


@lru_cache(maxsize=8192)  # a question reads its best passages several times
def numbers_stated(text: str) -> frozenset[str]:
    """Every value a text may be said to state, in digits or in words of either language."""
    folded = fold(text)
    values = {number.replace(",", "") for number in _ARABIC_NUMBER.findall(folded)}
    values.update(_han_value(number) for number in _HAN_NUMBER.findall(folded))
    return frozenset(values | _english_values(folded, ordinals_alone=False))


def numbers_in_words(text: str) -> list[tuple[int, int]]:
    """The places of English number words below one hundred, `twenty-three` among them."""
    found = _ENGLISH_NUMBER.finditer(text.lower())
    return [match.span() for match in found if match["tens"] or match["word"] in _CARDINALS]


def _english_values(folded: str, *, ordinals_alone: bool) -> set[str]:
    """Numbers below one hundred written as words, `twenty-third` among them."""
    values: set[str] = set()
    for match in _ENGLISH_NUMBER.finditer(folded):
        tens, last = match["tens"], match["ones"] or match["word"]
        value = (_AFTER_TENS if tens else _ORDINALS).get(last)
        if value is None and not ordinals_alone:
            value = _CARDINALS.get(last)
        if value is not None:
            values.add(str(value + (_CARDINALS[tens] if tens else 0)))
    return values


def _han_value(number: str) -> str:
    """A Chinese numeral, or one spelt digit by digit (二〇二六), in Arabic digits."""
    if not any(character in HAN_UNITS for character in number):
        return "".join(str(HAN_DIGITS[digit]) for digit in number).lstrip("0") or "0"
    total = group = digit = 0  # of 万 and 亿; of what stands before the next of them; not yet multiplied
    for character in number:
        unit = HAN_UNITS.get(character, 0)
        if not unit:
            digit = HAN_DIGITS[character]
        elif unit < 10_000:
            group, digit = group + max(digit, 1) * unit, 0
        else:  # 亿 multiplies all before it, 万 what follows the last 亿
            before, after = (0, total + group + digit) if unit > 10_000 else (total, group + digit)
            total, group, digit = before + max(after, 1) * unit, 0, 0
    return str(total + group + digit)
