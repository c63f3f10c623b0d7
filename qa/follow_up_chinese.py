"""An incomplete Chinese question made whole; how is told in `follow_up`."""

import re

from qa.phrasing import begins_with_relation, content, ends_with_relation, plain, statement, subject
from qa.question import asks_for
from qa.text import simplified
from qa.turns import INTERCHANGEABLE, PLACE, Turn, antecedent, interchanged_in

_LONGEST_PART = 20  # characters of a part that is put into a question, and of a question that names nothing
_LONGEST_HEAD = 3  # of the noun after “这个”; a longer one is a name
_LONGEST_NAME = 8  # of a single name, which an object cannot point back to

_CONTINUES = re.compile(
    r"(?:(?:哦|嗯|恩|好的?|是的|是啊|是吗|对了?|你好|谢谢)(?=[,，。！!\s])|另外|以及|而(?!且)|但是?|可是|不过|所以|然后|接着|再问一?下?|或者?"
    r"|那么?(?!天(?!津)|[个些里儿边位种款项家座次届本部台名时年么样])|还有(?!多|哪|什|谁|吗|没|几)|[,，、。！!\s])+"
)
_PARTICLES = re.compile(r"(?:[呢吗嘛吧啊呀哦\s？?。！!,，]|(?<![什怎那这多])么)+$")
_ASKS_TO_GO_ON = re.compile(
    "(?:能(?:不能)?|可不?可以|能否|请)?(?:再|多)?(?:然后|所以|结果|真的|还有(?:别的|其他的?|什么|哪些)?|除?此之?外|具体(?:的|一点)?"
    "|详细(?:的|一点)?|更多(?:信息)?|接着说|继续说?|展开(?:说说|讲讲|一下)?|(?:具体|详细|多|再)?(?:[说讲]一下|说说|讲讲|介绍(?:一下)?)"
    "|说明一下|解释一下|说得?详细一?点|举个例子|例如|比如说?|怎么说|什么意思|说来听听)"
)

_MEASURES = "个|些|家|位|种|款|项|座|次|本|部|台|名|支|所|届|篇|条|场|只|件|首|张"
_GROUPS = "团队|公司|机构|企业|单位|部门|组织|小组|学校|大学|人"
_ROLES = "人|专家|院长|教授|学者|作者|先生|女士|老师|导演|演员|歌手|作家|校长|科学家|工程师|负责人|创始人|院士|博士"
_BEGINS_A_NOUN = "[团公机系项技产平模芯设论大联基政计书片]"
_REFERS = re.compile(
    f"(?P<person>(?<![其吉利维排])[他她](?!人|国|乡|汀|克|信)们?|此人|[这那该此][位名个]?(?:{_ROLES}))"
    "|(?P<place>[这那][里儿边](?!面)|当地|该地|[这那该][座个]?(?:城市|地方|国家|地区))"
    "|(?P<thing>它们?|(?<![尤土耳极与何莫])其(?![他它中实次余间后一二三])|^其中|前者|后者|两者|二者|对方|上述的?"
    f"|(?:这|那|(?<![应活])该)(?:{_MEASURES})|(?:这|(?<![应活])该)(?={_BEGINS_A_NOUN})|^这(?=是)"
    f"|此[项类次举事片书处地部张款](?![前后])|此(?={_GROUPS}|电影))"
)
_HEADS_OF = (  # “该机构” is 敦煌研究院 itself, “这部电影” 《流浪地球2》
    (f"院校|{_GROUPS}", "(?:院|公司|大学|局|部|所|集团|中心|银行|会|社|厂|馆|队|校|联盟|实验室)$"),
    ("电影|影片|片子|书|小说|剧|戏|歌曲?|作品|专辑|节目|游戏|片|部", "[》」』]$"),
)
_UP_TO_VERB = re.compile("[的是有在吗什多哪怎几为]")
_REPORTS = re.compile("(?:哪|什么|多少|几).*(?:说|称|表示|认为|宣布|相信|声明)")
_BEFORE_OBJECT = re.compile(
    "(?:[对把给向跟和与用做买看谈吃]|关于|评价|支持|研发|开发|发明|发布|使用|介绍|参加|认为|喜欢|资助|投资)$"
)

_ADVERB = re.compile("什么时候|何时|(?:在|到|去)?(?:哪里|哪儿|何处|什么地方)|为什么|为何|怎么|怎样|如何|多久")
_ONLY_ASKS = re.compile(f"(?:是|又|都|在)?(?:{_ADVERB.pattern}|谁)(?:的|了|呢)?")
_HOW_MUCH = re.compile("(?:有|是)(?:多少|几[家个]?)$|怎么样$|如何$")
_ASKS_WHAT = (
    ("是什么时候", re.compile("(?:时间|日期|年份|生日)$")),
    ("在哪里", re.compile("(?:地点|地址|总部|位置|产地|首都|省会|出生地)$")),
    ("是谁", re.compile("(?:[人长者演师手]|总裁|主席|经理|作家|主任|冠军|得主)$")),
    (
        "是多少",
        re.compile(
            "(?:(?<!评)价|[钱额数度率量]|规模|面积|人口|比例|费用|成本|预算|经费|资金|收入|利润|年龄|距离|大小)$"
        ),
    ),
)
_LACKS_ONE_SIDE = re.compile(
    "[跟和与同].*(?:关系|区别|不同|一样|联系|合作|比)|占.*(?:多少|几|比例)|比(?:[去前今往]年|上|以前|之前|过去|别的|其他)"
)
_BEGINS_WITH_VERB = re.compile(
    "(?:什么时候|何时|哪一?年|哪一?天|从哪里|在哪[里儿]|怎么|如何|为什么)[一-龥]{1,2}[的了]|(?:什么时候|何时|在哪[里儿])[一-龥]{1,2}"
    "|(?:最?多|一共|总共|能够?|可以|会|要|需要)[一-龥](?:多少|几|什么|哪)[一-龥]{0,2}|[一-龥]了?(?:多久|几次|多少次|几天)"
    "|[还也]?(?:支持|包括|包含|来自|属于|参加|使用|需要)[一-龥A-Za-z]{1,4}"
)
_COUNTED = re.compile("(?:有|支持|包括|参加|发布|来自|获得)?了?(?:多少|几(?!何)|哪|什么)[一-龥]?(?P<noun>[一-龥]{1,4})")


def complete_chinese(text: str, last: Turn) -> str:
    """The whole question, or nothing where the text is one already."""
    continues = _CONTINUES.match(simplified(text))
    rest = (text[continues.end() :] if continues else text).rstrip("呢")
    body = _PARTICLES.sub("", rest)
    folded = simplified(body)
    if _ASKS_TO_GO_ON.fullmatch(_PARTICLES.sub("", simplified(text))):
        return f"具体来说，{plain(last.question)}？"
    if not body:
        return ""
    if elliptic := interchanged_in(plain(last.question), _HOW_MUCH.sub("", body)):
        return f"{elliptic}？"
    if asks_for(body) is None and _is_part(text, body, last, bool(continues)):
        return _with_part(body, last)
    if resolved := _resolved(rest, last):
        return f"{resolved}？"
    if not re.search("[你您我]", folded) and _names_nothing(body, last):
        return _about(rest, last)
    return ""


def _is_part(text: str, body: str, last: Turn, continues: bool) -> bool:
    """Whether a text without asking words is a part to put into the last question."""
    if text.endswith("呢") and len(body) <= _LONGEST_PART:
        return True
    if continues and len(body) <= _LONGEST_PART and not re.search("[吗么]$", text):
        return not re.search("是|有", body)
    return bool(interchanged_in(last.question, _bare(body)))


def _bare(body: str) -> str:
    return re.sub("(?:的|的?情况|方面)$", "", re.sub("^(?:在|对于?|到|关于|至于|从|按)(?=.{2})", "", body))


def _with_part(body: str, last: Turn) -> str:
    """The last question with a part in it: in the place of its like, of what was asked, or of the subject."""
    previous, about = plain(last.question), subject(last.question)
    bare = _bare(body) or body
    if interchanged := interchanged_in(previous, bare):
        return f"{interchanged}？"
    if re.match("如果|要是|假如|假设|(?:跟|和|与).+比", body):
        return f"{body}，{previous}？"
    if bare[0] not in "第最" and any(kind.fullmatch(simplified(bare)) for kind in INTERCHANGEABLE):
        return f"{bare}{'的' if PLACE.fullmatch(simplified(bare)) else ''}{previous}？"
    if resolved := _resolved(body, last):
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
    return next((asks for asks, pattern in _ASKS_WHAT if pattern.search(relation)), "是什么")


def _resolved(text: str, last: Turn) -> str:
    """The text with its first reference beyond itself resolved; empty where there is none."""
    for found in _REFERS.finditer(simplified(text)):
        before, after = text[: found.start()], text[found.end() :]
        vague = found.group()[0] == "那" and found["thing"] and not _is_known(simplified(after), last)
        if not vague and not _is_bound(before, found.group(), after):
            pointed = antecedent(last, found.lastgroup or "thing", many=found.group().endswith("们"))
            return before + _in_place_of(found.group(), pointed, after)
    return ""


def _is_known(noun: str, last: Turn) -> bool:
    """Whether “那次…” goes on with a general noun, or one of the last question."""
    return re.match(f"{_GROUPS}|项目|产品|系统|技术", noun) is not None or noun[:2] in simplified(last.question)


def _is_bound(before: str, reference: str, after: str) -> bool:
    """Whether a reference may point to something named before it in the same question."""
    folded = simplified(before)
    named = content(before)
    is_pronoun = reference[0] in "它他她"
    if reference[0] in "这该" and len(content(_UP_TO_VERB.split(simplified(after))[0])) > _LONGEST_HEAD:
        return True  # “这次中关村论坛” names itself
    is_object = is_pronoun and _BEFORE_OBJECT.search(folded) and not re.search("[的，,。；]", folded + after[:1])
    return bool(_REPORTS.search(folded)) or (bool(named) and not (is_object and len(named) <= _LONGEST_NAME))


def _in_place_of(reference: str, pointed: str, after: str) -> str:
    """What is pointed to for “它”; for “该公司” too where it is one, else “…的这一公司”."""
    if reference in ("其", "其中"):
        return f"{pointed}{'的' if reference == '其' else '中'}{after}"
    if reference[0] not in "这那该此上" or reference[-1] in "里儿边地人方点家区":
        return f"{pointed}{after}"
    for heads, names in _HEADS_OF:
        head = re.match(heads, simplified(after))
        if head and re.search(names, simplified(pointed)):
            return f"{pointed}{after[head.end() :]}"
    for length in (4, 3, 2):
        if len(after) >= length and simplified(after[:length]) in simplified(pointed):
            return f"{pointed}{after[length:]}"
    if after.startswith(("是", "的")):
        return f"{pointed}{after}"
    named = "这一" if len(reference) == 1 else reference
    return f"{pointed}{'的' if re.match(_GROUPS, simplified(after)) else ''}{named}{after}"


def _names_nothing(body: str, last: Turn) -> bool:
    """Whether a question has no subject: all its words are listed, or all but the noun that it counts."""
    folded = simplified(body)
    if (
        len(folded) > _LONGEST_PART
        or not re.search("[一-龥]", folded)
        or re.match("(?:哪|什么|谁).*(?:最|第一)", folded)
    ):
        return False
    if re.match("谁[^的是]+了", folded) and ends_with_relation(folded):
        return False
    if not content(folded) or _BEGINS_WITH_VERB.fullmatch(folded) or _LACKS_ONE_SIDE.match(folded):
        return True
    counted = _COUNTED.match(folded)
    if not counted or content(folded[counted.end() :]) or not re.search("[一-龥]", counted["noun"]):
        return False
    context = simplified(" ".join(map(plain, (last.question, *last.quotes))))
    return not folded.startswith(("有", "哪", "什")) or counted["noun"][-2:] in context


def _about(body: str, last: Turn) -> str:
    """A question that names nothing, about the last subject."""
    previous, about, folded = plain(last.question), subject(last.question), simplified(body)
    if _ONLY_ASKS.fullmatch(folded):
        if adverb := _ADVERB.search(simplified(previous)):
            asked = re.sub("^[是又都]|[的了]$", "", body)
            return f"{previous[: adverb.start()]}{asked}{previous[adverb.end() :]}？"
        return f"{body}{statement(previous)}？" if re.search("[为怎如]", folded) else f"{about}{body}？"
    if re.match("(?:是)?谁说", folded):
        return f"谁说{statement(previous)}？"
    if begins_with_relation(folded):
        return f"{about}的{body}？"
    if folded.startswith(("哪些", "多少", "几")) and not folded.startswith("多少钱"):
        return f"{about}有{body}？"
    return f"{about}是{body}？" if re.match("[谁哪].*的$", folded) else f"{about}{body}？"
