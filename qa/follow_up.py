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
from dataclasses import dataclass
from pathlib import Path

from qa.datatypes import Answer
from qa.phrasing import DATE, asked_for, begins_with_relation, content, ends_with_relation, plain, statement, subject
from qa.question import SURNAMES, asks_for
from qa.text import dominant_language, simplified, terms


@dataclass(frozen=True, slots=True)
class Turn:
    """What is kept of an exchange: the question as it was searched, and the sentences that answered it."""

    question: str
    quotes: tuple[str, ...] = ()


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
    return (_complete_zh if language == "zh" else _complete_en)(text, last) or question


def _is_courtesy(text: str) -> bool:
    return _COURTESY.fullmatch(simplified(plain(text))) is not None


_COURTESY = re.compile(
    r"(?:(?:非常|太|多)?(?:谢谢|感谢|多谢)(?:[你您]|大家)?(?:了|啦)?|好的?|好吧|行|可以|知道了|明白了?|懂了|原来如此|你好|您好|嗨|再见|拜拜|早上好"
    r"|ok|okay|thanks?|thank you|thx|very much|so much|a lot|great|good|fine|nice|cool|got it|i see|hi|hello|hey|bye"
    r"|goodbye|good (?:morning|evening)|never ?mind|[\s,.!，。！、])+",
    re.IGNORECASE,
)

# --- Parts that take each other's place ---

_LONGEST_PART = 20  # characters of Chinese that are put into a question
_MOST_WORDS = 9  # of English
_PLACES_FILE = Path(__file__).with_name("places.txt")
_PLACES = dict(line.split(" ", 1) for line in _PLACES_FILE.read_text(encoding="utf-8").splitlines())
_PLACES_EN = {english: chinese for chinese, english in _PLACES.items()}
_PLACE = re.compile(
    f"(?:{'|'.join(sorted(_PLACES, key=len, reverse=True))})(?:[省市县区州](?!长))?|\\b(?:{'|'.join(_PLACES_EN)})\\b"
)
_ORDINALS = "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last|next"
_INTERCHANGEABLE = (
    DATE,
    _PLACE,
    re.compile(
        rf"第[\d一二三四五六七八九十]+[届个次期代季章名位轮天]?|\b(?:\d+(?:st|nd|rd|th)|{_ORDINALS})\b(?: one\b)?",
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
    re.compile(rf"\d+(?:\.\d+)?(?:[岁度元米%％公里斤]+| (?:years?|degrees?|metres?|percent))"),
)


def _interchanged(previous: str, part: str) -> str:
    """The previous question with a part in the place of the last one of its kind; empty where it has none of it."""
    for kind in _INTERCHANGEABLE:
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


# --- Chinese ---

_CONTINUES_ZH = re.compile(
    r"(?:(?:哦|嗯|恩|好的?|是的|是啊|是吗|对了?|你好|谢谢)(?=[,，。！!\s])|那么?(?!天(?!津)|[个些里儿边位种款项家座次届本部台名时年么样])|还有(?!多|哪|什|谁|吗|没|几)|另外|以及|而(?!且)|但是?|可是|不过"
    r"|所以|然后|接着|再问一?下?|或者?|[,，、。！!\s])+"
)
_PARTICLES = re.compile("(?:[呢吗嘛吧啊呀哦\\s？?。！!,，]|(?<![什怎那这多])么)+$")
_ASKS_TO_GO_ON_ZH = re.compile(
    r"(?:能(?:不能)?|可不?可以|能否|请)?(?:再|多)?(?:然后|所以|结果|真的|还有|还有别的|还有其他的?|还有什么|还有哪些|除此之外|此外|具体|具体的|具体一点|详细|详细一点|详细的"
    r"|更多|更多信息|继续|继续说|接着说|展开|展开(?:说说|讲讲|一下)|(?:具体|详细|多|再)?(?:说说|讲讲|介绍|介绍一下|说明一下|解释一下|说一下|讲一下|说得?详细一?点)"
    r"|举个例子|例如|比如|比如说|怎么说|什么意思|说来听听)"
)
_POSSESSED = re.compile(r"(?:他|她|它)们?的|其")
_HEADS_ZH = "人|专家|院长|教授|学者|作者|先生|女士|老师|导演|演员|歌手|作家|校长|科学家|工程师|负责人|创始人|院士|博士"
_PERSON_ZH = f"(?<![其吉利维排])[他她](?!人|国|乡|汀|克|信)们?|此人|[这那该此][位名个]?(?:{_HEADS_ZH})"
_PLACE_ZH = "[这那][里儿边](?!面)|当地|该地|[这那该][座个]?(?:城市|地方|国家|地区)"
_GROUPS_ZH = "团队|公司|机构|企业|单位|部门|组织|小组|学校|大学|人"
_HEADS_OF = (  # “该机构” is 敦煌研究院 itself, “这部电影” 《流浪地球2》
    (
        "机构|公司|企业|单位|部门|组织|学校|大学|团队|院校",
        "(?:院|公司|大学|局|部|所|集团|中心|银行|会|社|厂|馆|队|校|联盟|实验室)$",
    ),
    ("电影|影片|片子|书|小说|剧|戏|歌|歌曲|作品|专辑|节目|游戏|片|部", "[》」』]$"),
)
_MEASURES = "个|些|家|位|种|款|项|座|次|本|部|台|名|支|所|届|篇|条|场|只|件|首|张"
_REFERS_ZH = re.compile(
    f"(?P<person>{_PERSON_ZH})|(?P<place>{_PLACE_ZH})|(?P<thing>它们?|(?<![尤土耳极与何莫])其(?![他它中实次余间后一二三])"
    f"|^其中|前者|后者|两者|二者|对方|上述的?|(?:这|(?<![应活])该)(?:{_MEASURES})|那(?:{_MEASURES})"
    f"|此[项类次举事片书处地部张款](?![前后])|此(?={_GROUPS_ZH}|电影)|(?<![应活])该(?=[团公机系项技产平模芯设论大联基政计书片])|这(?=[团公机系项技产平模芯设论大联基政计])|^这(?=是))"
)
_REPORTS_ZH = re.compile("(?:哪|什么|多少|几).*(?:说|称|表示|认为|宣布|相信|声明)")
_LONGEST_NAME = 8  # characters of a single name, which an object cannot point back to
_BEFORE_OBJECT_ZH = re.compile(
    "(?:[对把给向跟和与用做买看谈吃]|关于|评价|支持|研发|开发|发明|发布|使用|介绍|参加|认为|喜欢|资助|投资)$"
)
_ADVERB_ZH = re.compile("什么时候|何时|(?:在|到|去)?(?:哪里|哪儿|何处|什么地方)|为什么|为何|怎么|怎样|如何|多久")
_ONLY_ASKS_ZH = re.compile(f"(?:是|又|都|在)?(?:{_ADVERB_ZH.pattern}|谁)(?:的|了|呢)?")
_ASKS_WHAT = (
    (re.compile("时间|日期|年份|生日$"), "是什么时候"),
    (re.compile("地点|地址|总部|位置|产地|首都|省会|出生地$"), "在哪里"),
    (re.compile("(?:[人长者演师手]|总裁|主席|经理|作家|主任|冠军|得主)$"), "是谁"),
    (
        re.compile(
            "(?:价|钱|额|规模|面积|人口|数|数量|度|比例|率|费用|成本|预算|经费|资金|收入|利润|产量|销量|年龄|距离|大小)$"
        ),
        "是多少",
    ),
)
_LACKS_ONE_SIDE = re.compile(
    "(?:跟|和|与|同).*(?:关系|区别|不同|一样|联系|合作|相比|比)|占.*(?:多少|几|比例)|比(?:[去前今往]年|上|以前|之前|过去|别的|其他).*"
)
_BEGINS_WITH_VERB_ZH = re.compile(
    "(?:什么时候|何时|哪一?年|哪一?天|从哪里|在哪里|在哪儿|怎么|如何|为什么)[一-龥]{1,2}(?:的|了)|(?:什么时候|何时|在哪里|在哪儿)[一-龥]{1,2}"
    "|(?:最?多|一共|总共|能|能够|可以|会|要|需要)[一-龥](?:多少|几|什么|哪)[一-龥]{0,2}|[一-龥]了?(?:多久|几次|多少次|几天)"
    "|(?:还|也)?(?:支持|包括|包含|来自|属于|参加|使用|需要)[一-龥A-Za-z]{1,4}"
)
_HOW_MUCH_ZH = "(?:有|是)(?:多少|几[家个]?)$|怎么样$|如何$"
_QUANTITY_ZH = re.compile(
    r"(?:有|支持|包括|参加|发布|来自|获得)?(?:了)?(?:多少|几(?!何)|哪|什么)[一-龥]?(?P<noun>[一-龥]{1,4})"
)


def _complete_zh(text: str, last: Turn) -> str:
    continues = _CONTINUES_ZH.match(simplified(text))
    rest = (text[continues.end() :] if continues else text).rstrip("呢")
    body = _PARTICLES.sub("", rest)
    folded = simplified(body)
    if _ASKS_TO_GO_ON_ZH.fullmatch(_PARTICLES.sub("", simplified(text))):
        return f"具体来说，{plain(last.question)}？"
    if not body:
        return ""
    if elliptic := _interchanged(plain(last.question), re.sub(_HOW_MUCH_ZH, "", body)):
        return f"{elliptic}？"
    if asks_for(body) is None and _is_part_zh(text, body, last, bool(continues)):
        return _with_part_zh(body, last)
    if resolved := _resolved_zh(rest, last):
        return f"{resolved}？"
    if not re.search("[你您我]", folded) and _names_nothing_zh(body, last):
        return _about_zh(rest, last)
    return ""


def _is_part_zh(text: str, body: str, last: Turn, continues: bool) -> bool:
    """Whether a text without asking words is a part to put into the last question."""
    if text.endswith("呢") and len(body) <= _LONGEST_PART:
        return True
    if continues and len(body) <= _LONGEST_PART and not re.search("[吗么]$", text):
        return not re.search("是|有", body)
    return bool(_interchanged(last.question, _bare_zh(body)) or DATE.fullmatch(body))


def _bare_zh(body: str) -> str:
    return re.sub("(?:的|的?情况|方面)$", "", re.sub("^(?:在|对于?|到|关于|至于|从|按)(?=.{2})", "", body))


def _with_part_zh(body: str, last: Turn) -> str:
    """The last question with a part in it: in the place of its like, of what was asked, or of the subject."""
    previous, about = plain(last.question), subject(last.question)
    bare = _bare_zh(body)
    if interchanged := _interchanged(previous, bare):
        return f"{interchanged}？"
    if re.match("如果|要是|假如|假设|(?:跟|和|与).+比", body):
        return f"{body}，{previous}？"
    if bare[0] not in "第最" and any(kind.fullmatch(simplified(bare)) for kind in _INTERCHANGEABLE):
        return f"{bare}{'的' if _PLACE.fullmatch(simplified(bare)) else ''}{previous}？"
    if resolved := _resolved_zh(body, last):
        return f"{resolved}{_asks_what(simplified(body))}？"
    if kin := _of_a_kind(about, bare):
        return f"{previous.replace(about, kin, 1)}？"
    if not content(bare) or any(bare in simplified(quote) for quote in last.quotes):
        return f"{about}的{bare}{_asks_what(bare)}？"
    return f"{previous.replace(about, bare, 1)}？" if about in previous else f"{bare}：{statement(previous)}"


def _of_a_kind(about: str, part: str) -> str:
    """The subject with a part in the place of its last member where they share a character: 公司的年假, 病假."""
    whole, _, member = about.rpartition("的")
    return f"{whole}的{part}" if whole and set(member) & set(part) else ""


def _asks_what(relation: str) -> str:
    return next((asks for pattern, asks in _ASKS_WHAT if pattern.search(relation)), "是什么")


def _resolved_zh(text: str, last: Turn) -> str:
    """The text with its first reference beyond itself resolved; empty where there is none."""
    for found in _REFERS_ZH.finditer(simplified(text)):
        before, after = text[: found.start()], text[found.end() :]
        if found.group()[0] == "那" and found["thing"] and not _is_known_zh(simplified(after), last):
            continue
        if not _is_bound_zh(before, found.group(), after):
            antecedent = _antecedent(last, found.lastgroup or "thing", many=found.group().endswith("们"))
            return before + _in_place_of(found.group(), antecedent, after)
    return ""


def _is_known_zh(noun: str, last: Turn) -> bool:
    """Whether “那次…” goes on with a general noun, or one of the last question."""
    return re.match(f"{_GROUPS_ZH}|项目|产品|系统|技术", noun) is not None or noun[:2] in simplified(last.question)


def _is_bound_zh(before: str, reference: str, after: str) -> bool:
    """Whether a reference may point to something named before it in the same question."""
    folded = simplified(before)
    named = content(before)
    is_pronoun = reference[0] in "它他她"
    is_object = is_pronoun and _BEFORE_OBJECT_ZH.search(folded) and not re.search("[的，,。；]", folded + after[:1])
    return bool(_REPORTS_ZH.search(folded)) or (bool(named) and not (is_object and len(named) <= _LONGEST_NAME))


def _in_place_of(reference: str, antecedent: str, after: str) -> str:
    """The antecedent for “它”; for “该公司” too where it ends so, else “…的该公司”."""
    if reference in ("其", "其中"):
        return f"{antecedent}{'的' if reference == '其' else '中'}{after}"
    if reference[0] not in "这那该此上" or reference[-1] in "里儿边地人方点家区":
        return f"{antecedent}{after}"
    if any(
        re.match(heads, simplified(after)) and re.search(names, simplified(antecedent)) for heads, names in _HEADS_OF
    ):
        return antecedent + re.sub("^(?:" + "|".join(heads for heads, _ in _HEADS_OF) + ")", "", after)
    for length in (4, 3, 2):
        if len(after) >= length and simplified(after[:length]) in simplified(antecedent):
            return f"{antecedent}{after[length:]}"
    if after.startswith(("是", "的")):
        return f"{antecedent}{after}"
    named = "这一" if len(reference) == 1 else reference
    return f"{antecedent}{'的' if re.match(_GROUPS_ZH, simplified(after)) else ''}{named}{after}"


def _names_nothing_zh(body: str, last: Turn) -> bool:
    """Whether a question has no subject: all its words are listed, or all but the noun that it counts."""
    folded = simplified(body)
    if len(folded) > _LONGEST_PART or re.match("(?:哪|什么|谁).*(?:最|第一)", folded):
        return False
    if re.match("谁[^的是]+了", folded) and ends_with_relation(folded):
        return False
    if not content(folded) or _BEGINS_WITH_VERB_ZH.fullmatch(folded) or _LACKS_ONE_SIDE.match(folded):
        return True
    counted = _QUANTITY_ZH.match(folded)
    if not counted or content(folded[counted.end() :]) or not re.search("[一-龥]", counted["noun"]):
        return False
    context = simplified(" ".join(map(plain, (last.question, *last.quotes))))
    return not folded.startswith(("有", "哪", "什")) or counted["noun"][-2:] in context


def _about_zh(body: str, last: Turn) -> str:
    """A question that names nothing, about the last subject."""
    previous, about, folded = plain(last.question), subject(last.question), simplified(body)
    if _ONLY_ASKS_ZH.fullmatch(folded):
        adverb = _ADVERB_ZH.search(simplified(previous))
        if adverb:
            asked = re.sub("^(?:是|又|都)|[的了]$", "", body)
            kept = previous[adverb.end() :]
            return f"{previous[: adverb.start()]}{asked}{kept}？"
        return f"{body}{statement(previous)}？" if re.search("[为怎如]", folded) else f"{about}{body}？"
    if re.match("(?:是)?谁说", folded):
        return f"谁说{statement(previous)}？"
    if begins_with_relation(folded):
        return f"{about}的{body}？"
    if folded.startswith(("哪些", "多少", "几")) and not folded.startswith("多少钱"):
        return f"{about}有{body}？"
    return f"{about}是{body}？" if re.match("[谁哪].*的$", folded) else f"{about}{body}？"


# --- English ---

_CONTINUES_EN = re.compile(r"(?:(?:and|but|so|then|also|or|ok|okay|well|now|plus)\b[\s,]*)+", re.IGNORECASE)
_WHAT_ABOUT = re.compile(r"(?:what|how) about\b\s*|what of\b\s*|the same (?:for|about)\b\s*", re.IGNORECASE)
_POLITE_EN = re.compile(
    r"(?:(?:can|could|would) you (?:please )?(?:tell me|explain)|please(?: tell me)?|do you know)\s+", re.IGNORECASE
)
_ASKS_TO_GO_ON_EN = re.compile(
    r"(?:please |can you |could you )?(?:tell me more|(?:say|explain|know) more|more|more (?:details?|information|info)|(?:any )?details?"
    r"|go on|continue|elaborate|be more specific|(?:any|some)thing else|what else|who else|where else|any others?|any more"
    r"|what do you mean|for example|for instance|such as|like what|in what way|then|really|give (?:me )?(?:an example|more details?)|explain)"
    r"(?: (?:about )?(?:it|that|this|them))?(?: please)?",
    re.IGNORECASE,
)
_AUXILIARY = "do|does|did|is|are|was|were|has|have|had|can|could|will|would|should|may|am"
_NO_NOUN = (
    r"(?:mean|work|help|take|cost|matter|happen|compare|affect|apply|last|look|change|make|say|important|possible|true|useful"
    r"|necessary|different|difficult|available|good|bad|not|the|from|for|called|with|happen|come)\b"
)
_REFERS_EN = re.compile(
    rf"\b(?:(?P<person>he|him|his|she|her|hers)|(?P<thing>its?|they|them|theirs?|the (?:former|latter)(?=$| (?:{_AUXILIARY})\b)|the (?:{_ORDINALS}) one"
    rf"|(?:this|that|these|those)(?! (?:year|month|week|morning|who|which|are|were))(?: (?!{_NO_NOUN})(?P<noun>[a-z]{{3,}}))?)"
    r"|(?P<place>there))\b",
    re.IGNORECASE,
)
_EXPLETIVE = re.compile(
    r"\bit\b (?:\w+ ){0,4}?(?:to|that|for|whether|if|who|when)\b"
    r"|\bdoes it take\b|\bit takes?\b|\bit costs?\b|\btime is it\b|\bis it true\b|\bit (?:rain|snow)s?\b"
    r"|\bit(?:'s| is| was) (?:\w+ ){1,4}(?:to|that|who)\b",
    re.IGNORECASE,
)
_THERE_IS = re.compile(
    r"\b(?:is|are|was|were|be|been|has|have|will) there\b|\bthere (?:is|are|was|were|be|been|has|have|will|any)\b",
    re.IGNORECASE,
)
_REPORTS_EN = re.compile(
    r"^(?:which|what|how many|whose)\b(?: \w+){1,4}? (?:says?|said|claim\w*|believ\w*|think\w*|thought|announc\w*|report\w*)\b",
    re.IGNORECASE,
)
_HAS_OWN_SUBJECT = re.compile(rf"^(?:which|what|how many|whose) (?:(?!(?:{_AUXILIARY})\b)\w+ ){{2,5}}$", re.IGNORECASE)
_ASKS_FOR_OBJECT = re.compile(
    rf"^(?:(?:in|on|at|to|from|for|by) )?(?:which|what|how many|how much|whose)\b[^,]* (?:{_AUXILIARY}) $",
    re.IGNORECASE,
)
_WHO_DID = re.compile(rf"^who (?!(?:{_AUXILIARY})\b)\w+ $", re.IGNORECASE)
_BEFORE_OBJECT_EN = re.compile(
    r"\b(?:about|for|with|of|on|to|by|from|in|at|into|over|through|support|use|like|make|made|develop|say about|think of)\s$",
    re.IGNORECASE,
)
_NAME = 3  # words of a single name, which an object cannot point back to
_PREPOSITION = re.compile(r"(in|on|at|for|from|to|by|with|during|before|after)\s", re.IGNORECASE)
_NOUNS = r"(?:(?!(?:in|on|at|for|of|from|to|by|with)\b)[\w'’-]+ ?)+(?<! )"
_POSSESSIVES = frozenset(["its", "their", "his", "theirs", "hers"])
_ADVERB_EN = re.compile(
    r"(?:(?:from|for|since|until|by) )?(?:when|where|why|how(?: (?:much|old|long|far|big|large|often|deep|high|tall|fast))?)\b",
    re.IGNORECASE,
)
_ASKS_EN = re.compile(r"\b(?:who|whom|whose|what|which|when|where|why|how)\b", re.IGNORECASE)
_ONLY_ASKS_EN = re.compile(
    rf"(?:{_ADVERB_EN.pattern}|(?:(?:by|from|with|for) )?(?:who|whom|what))(?: (?:exactly|not|so|then))?", re.IGNORECASE
)
_BEGINS_LIKE_A_QUESTION = re.compile(
    rf"(?:(?:from|for|since|until|by|with|in|at|on|to) )?(?:who|whom|whose|what|which|when|where|why|how|any|{_AUXILIARY})\b",
    re.IGNORECASE,
)
_IS_SOMETHING = re.compile(r"(?:who|what|which)(?:['’]s| is| are| was| were)\b", re.IGNORECASE)
_COUNTED_EN = re.compile(
    r"(?:(?:how many|how much|which|what kinds? of)) (?P<noun>\w+)(?: (?P<more>.*))?", re.IGNORECASE
)
_SUPERLATIVE = re.compile(r"\b(?:most|least|first|best|worst|only|\w{3,}est)\b", re.IGNORECASE)


def _complete_en(text: str, last: Turn) -> str:
    continues = _CONTINUES_EN.match(text)
    rest = text[continues.end() :] if continues else text
    what_about = _WHAT_ABOUT.match(rest)
    body = rest[what_about.end() :] if what_about else rest
    asked = re.sub(
        r"^(?:why (?:is|was) (?:that|this|it)|why so|how come|how so)$",
        "why",
        _POLITE_EN.sub("", body),
        flags=re.IGNORECASE,
    )
    if not body:
        return ""
    if _ASKS_TO_GO_ON_EN.fullmatch(rest):
        return f"Tell me more about {subject(last.question)}: {statement(last.question)}"
    if not _BEGINS_LIKE_A_QUESTION.match(body) and _is_part_en(body, last, bool(what_about or continues)):
        return _with_part_en(body, last)
    if asked != "why" and (resolved := _resolved_en(rest, last)):
        return f"{_capitalised(resolved)}?"
    if not re.search(r"\b(?:you|i|we)\b", asked, re.IGNORECASE) and _names_nothing_en(asked, last):
        return _about_en(asked, last)
    return ""


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _is_part_en(body: str, last: Turn, continues: bool) -> bool:
    """Whether a text that does not begin like a question is a part to put into the last one."""
    if continues:
        return len(body.split()) <= _MOST_WORDS
    bare = _bare_en(body)
    is_like = len(bare.split()) <= _NAME and set(terms(bare)) & set(terms(subject(last.question)))
    is_phrase = bool(_PREPOSITION.match(body)) and len(body.split()) <= _NAME + 1
    return bool(_interchanged(last.question, bare) or DATE.fullmatch(bare) or is_like or is_phrase)


def _bare_en(body: str) -> str:
    return re.sub(r"^(?:(?:in|on|at|for|of|from|to|by|with|since|the|a|an)\s+)+", "", body, flags=re.IGNORECASE)


def _with_part_en(body: str, last: Turn) -> str:
    """The last question with a part in it: in the place of its like, of what was asked, or of the subject."""
    previous, about, bare = plain(last.question), subject(last.question), _bare_en(body)
    if interchanged := _interchanged(previous, bare):
        return f"{interchanged}?"
    preposition = _PREPOSITION.match(body)
    if _PLACE.fullmatch(bare) or preposition:
        alike = re.compile(rf"\b({preposition.group(1) if preposition else 'in'}) (?:the )?{_NOUNS}", re.IGNORECASE)
        if alike.search(previous):
            return f"{alike.sub(lambda old: f'{old.group(1)} {bare}', previous, count=1)}?"
    if any(kind.fullmatch(bare) for kind in _INTERCHANGEABLE):
        word = (
            ""
            if re.match("last|this|next", bare)
            else "in"
            if DATE.fullmatch(bare) or _PLACE.fullmatch(bare)
            else "for"
        )
        return f"{previous} {body if preposition else f'{word} {body}'.strip()}?"
    if resolved := _resolved_en(body, last):
        return f"What is {resolved}?"
    if not content(bare):
        return f"What is the {bare} of {about}?"
    if any(bare.lower() in quote.lower() for quote in last.quotes) or about not in previous:
        return f"{_capitalised(bare)}: {statement(previous)}?"
    return f"{previous.replace(about, bare if about.islower() is False or body == bare else body, 1)}?"


def _resolved_en(text: str, last: Turn) -> str:
    """The text with its first reference beyond itself resolved; empty where there is none."""
    if _EXPLETIVE.search(text):
        return ""
    for found in _REFERS_EN.finditer(text):
        before, after = text[: found.start()], text[found.end() :]
        is_named = bool(found["noun"]) and not set(terms(found["noun"])).isdisjoint(terms(subject(last.question)))
        if _is_bound_en(before, found, after) and not (is_named and not content(before)):
            continue
        kind = "person" if found["person"] else "place" if found["place"] else "thing"
        antecedent = _antecedent(last, kind, many=found.group().lower() in {"they", "them", "their", "these", "those"})
        return f"{before}{_standing_for(found, antecedent, after)}{after}"
    return ""


def _is_bound_en(before: str, found: re.Match[str], after: str) -> bool:
    """Whether a reference points to nothing, or may point to something named before it in the same question."""
    word = found.group().lower()
    if _REPORTS_EN.search(before) or (word in _POSSESSIVES and _HAS_OWN_SUBJECT.search(before)):
        return True
    if word in _POSSESSIVES - {"its"} and _WHO_DID.search(before):
        return True
    if found["place"]:
        return bool(_THERE_IS.search(found.string) or _PLACE.search(before) or after.strip())
    if word.startswith(("that", "those")) and not (found["noun"] and ends_with_relation(word)):
        is_subject = re.search(rf"\b(?:{_AUXILIARY})\s$", before, re.IGNORECASE) and not found["noun"]
        return bool((after.strip() and not is_subject) or found["noun"] or content(before))
    if word.startswith(("that ", "those ")) and re.match(r" (?:the|an?|of|his|her|its|their)\b", after):
        return True
    if _ASKS_FOR_OBJECT.search(before) and word not in _POSSESSIVES:
        return False
    named = content(before).split()
    is_object = _BEFORE_OBJECT_EN.search(before) and not after.strip() and "," not in before
    return bool(named) and not (is_object and len(named) <= _NAME)


def _standing_for(found: re.Match[str], antecedent: str, after: str) -> str:
    """The antecedent for “it”, its genitive for “its”; “the team of …” for “this team” where it is no team itself."""
    word, noun = found.group().lower(), found["noun"]
    if word in _POSSESSIVES or (word == "her" and re.match(r" [a-z]{3,}", after)):
        return f"{antecedent}’" if antecedent.endswith("s") else f"{antecedent}’s"
    if found["place"]:
        return f"in {antecedent}"
    if word.startswith("the "):
        return f"{word} of {antecedent}"
    if noun and not set(terms(noun)) & set(terms(antecedent)):
        return f"the {noun} of {antecedent}" if ends_with_relation(noun) else f"{antecedent} {noun}"
    return antecedent


def _names_nothing_en(body: str, last: Turn) -> bool:
    """Whether a question has no subject: all its words are listed, or all but the noun that it counts."""
    if len(body.split()) > _MOST_WORDS or not _BEGINS_LIKE_A_QUESTION.match(body):
        return False
    if _SUPERLATIVE.search(body) or re.search(r"\bit\b", body):
        return False
    if not content(body):
        return True
    counted = _COUNTED_EN.fullmatch(body)
    if not counted:
        return False
    context = set(terms(" ".join(map(plain, (last.question, *last.quotes)))))
    return not counted["more"] or (not content(counted["more"]) and set(terms(counted["noun"])) <= context)


def _about_en(body: str, last: Turn) -> str:
    """A question that names nothing, about the last subject."""
    previous, about = plain(last.question), subject(last.question)
    if _ONLY_ASKS_EN.fullmatch(body):
        asked = _ADVERB_EN.match(previous)
        if (
            asked
            and _ADVERB_EN.match(body)
            and re.match(rf"\s(?:{_AUXILIARY})\b", previous[asked.end() :], re.IGNORECASE)
        ):
            return f"{_capitalised(body)}{previous[asked.end() :]}?"
        if _IS_SOMETHING.match(previous) and re.match("where|when", body, re.IGNORECASE):
            return f"{_capitalised(body)} is {about}?"
        return f"{_capitalised(body)}: {statement(previous)}?"
    if re.match("who sa", body, re.IGNORECASE):
        return f"{_capitalised(body)}: {statement(previous)}?"
    if ends_with_relation(body):
        return f"{_capitalised(body)} of {about}?"
    if re.match(r"(?:who|what) \w+$", body, re.IGNORECASE):
        return f"{_capitalised(body)} {about}?"
    return f"{_capitalised(body)}, about {about}?"


# --- Whom or what a reference points to ---

_PERSON = re.compile(
    f"(?:(?<=[长师授员者家人士官裁理，。由和与为据])|^)[{SURNAMES}][一-龥]{{1,2}}(?=说|表示|介绍|认为|指出|称|提出|强调|透露|[是在担，、。（(])"
    r"|(?<=[人者师演家长]是)[一-龥·]{2,4}(?=[，。、；（(]|$)"
    r"|\b[A-Z][a-z]+(?: [A-Z]\.)?(?: [A-Z][a-z]+){1,2}\b"
)
_ASKS_WHO_IS = re.compile(r"^who(?:['’]s| is| was) (?!the\b)|^[^的]+是谁|^谁是[^的]+$", re.IGNORECASE)
_NO_PERSON = re.compile(
    r"University|Institute|Academy|Forum|Alliance|Company|Group|District|City|Street|Province|Ministry|Science|Technology"
    r"|Intelligence|Open|Source|The|North|South|Street|River|Lake|Prize|National|International|School|College|Party|According|Report|Plan|Centre|Center|Area|Union"
)


def _antecedent(last: Turn, kind: str, *, many: bool) -> str:
    """What a reference of a kind points to after that turn; “they” are those that were counted or chosen from."""
    about = subject(last.question)
    if many and (counted := asked_for(last.question)) and counted not in about:
        return f"{about}的{counted}" if dominant_language(last.question) == "zh" else f"the {counted} of {about}"
    if kind == "place":
        return next((place.group() for place in reversed(list(_PLACE.finditer(last.question)))), about)
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
        if not _NO_PERSON.search(name.group()) and not _PLACE.search(name.group())
    ]
