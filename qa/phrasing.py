"""The parts of a question: what asks, what it is about, what points beyond it. Pure functions on text.

There is no parser here, only closed lists of words: those that ask, those that relate something to a subject (“price”,
“负责人”), and everyday verbs. What is left of a question without them is its own: its *content*. A question whose
words all stand in the lists names no subject. Unknown words count as content, so that the lists may be short of a
word and a whole question still passes as whole.
"""

import re
import unicodedata
from itertools import pairwise

from qa.text import dominant_language, simplified, terms

_HAN = "\u4e00-\u9fff"
_SIGNS = " \t\n。，、！？；：,.!?;:…～~·—-"

# --- Chinese. Longer words come first in each pattern; all are matched against Simplified text. ---

_RELATIONS_ZH = """
负责人 领导人 创始人 发起人 主持人 发言人 联系人 继任者 带头人 院长 校长 主任 部长 市长 省长 总统 主席 会长 秘书长 董事长
总经理 总裁 总监 经理 首席科学家 总工程师 作者 作家 导演 编剧 主演 演员 歌手 设计师 设计者 发明者 发明人 发现者 研发者
开发者 开发商 制造商 生产商 厂家 厂商 供应商 主办方 承办方 主办单位 承办单位 协办单位 发起单位 主管部门 研发团队 开发团队
价格 价钱 售价 票价 费用 成本 造价 预算 经费 资金 金额 总额 成交额 投资额 总规模 规模 面积 人口 人数 数量 总数 数目 重量
长度 高度 深度 宽度 速度 温度 距离 大小 年龄 岁数 寿命 身高 体重 比例 占比 比率 份额 增速 增长率 增幅 销量 产量 产值 收入 利润
总部 地址 地点 位置 所在地 产地 首都 省会 出生地 时间 日期 年份 日程 期限 时长 开放时间 营业时间 成立时间 电话 网址 网站 邮箱
目的 目标 原因 理由 意义 作用 用途 功能 特点 特色 特征 优点 缺点 优势 劣势 好处 坏处 风险 影响 效果 结果 成果 成就 成绩 贡献
主题 内容 主要内容 名字 名称 全称 简称 英文名 中文名 别名 含义 意思 定义 来源 由来 起源 历史 背景 过程 步骤 方法 方式 原理
技术路线 技术 标准 要求 条件 规则 流程 计划 安排 任务 重点 亮点 看点 措施 政策 门票 门票费 票房 片长 周边 附近 官网 曲目 制片人 出品公司 外文名 外文名字 年纪 代表作品 前景 现状 情况 问题 挑战 难点 困难 解决方案 方案
成员 会员 员工 团队成员 合作伙伴 客户 用户 对手 竞争对手 父亲 母亲 妻子 丈夫 儿子 女儿 孩子 父母 家人 老师 学生 学校 专业 职业
职务 职位 国籍 籍贯 生日 代表作 作品 奖项 奖金 型号 版本 种类 类型 颜色 味道 口味 材料 原料 配料 成分 气候 天气 语言 货币 官方语言
症状 副作用 疗程 剂量 疗法 评价 评分 排名 第一名 冠军 亚军 获奖者 得主 签约金额 签约项目 参会人数 观众 读者 嘉宾 细节 数据 指标
""".split()
_WEAK_ZH = """
企业 公司 机构 单位 部门 组织 团队 小组 人员 人士 专家 院士 学者 代表 国家 地区 城市 地方 省份 学校 大学 项目 产品 东西 事情 事
方面 领域 行业 问题 例子 部分 阶段 活动 消息 文章 时候 时间 年 月 日 天 小时 分钟 人 钱 语 语种 路 做法 办法 说法 看法 观点 话 名单
""".split()
_VERBS_ZH = """
支持 举行 举办 主办 承办 召开 开幕 闭幕 开始 结束 成立 创立 创办 创建 建立 设立 建成 建设 建造 建 发布 推出 公布 发表 出版 发行
上市 上映 上线 亮相 发明 发现 发起 提出 提供 提到 研发 研制 开发 制造 生产 制作 设计 参加 参与 参会 出席 加入 包括 包含 涉及
涵盖 覆盖 属于 位于 来自 获得 得到 拿到 取得 赢得 获奖 投资 投入 花费 花 签约 签署 合作 使用 采用 利用 用 应用 解决 实现 达到
达成 增长 增加 提高 提升 下降 减少 降低 变化 改变 影响 导致 造成 引起 带来 产生 发生 出现 存在 工作 生活 运行 运营 运作 操作 服务
介绍 认为 表示 指出 强调 说 讲 谈 谈到 解释 计划 打算 预计 希望 准备 需要 要求 做 干 做到 做成 完成 负责 担任 管理 领导 主持
出生 去世 逝世 毕业 就读 居住 住 结婚 叫 叫做 称为 称作 去 来 到 看 看到 找 找到 买 卖 吃 喝 拍 拍摄 写 唱 演 画 翻译 识别
测试 试验 训练 学习 教 培养 治疗 预防 检查 保存 储存 放 收费 免费 开放 公开 开源 付费 报名 申请 购买 下载 安装 联系 预约 知道
了解 通车 首飞 竣工 动工 开工 完工 落成 启用 投产 开业 开馆 首演 首映 播出 开播 退役 服役 入选 诞生 灭亡 倒闭 破产 关闭 合并 收购
更名 改名 搬迁 开通 升空 发射 着陆 收录 播放 连载 收藏 展出 通过 生效 实施 施行 颁布 批准 修订 容纳 开门 关门 装 载 坐 泡 煮 炒 种 飞 跑 走
区别 不同 相同 相比 比较 同比 属 适合 适用 值得
""".split()
_GRAMMAR_ZH = """
成功 失败 重要 有用 真 真的 好 大 小 多 少 高 低 长 短 贵 便宜 快 慢 远 近
难 容易 好吃 好看 好玩 新 老 早 晚 安全 有效 受欢迎 出名 有名 著名 厉害 完整 具体 主要 详细 一共 总共 大概 大约 目前 现在 今年
去年 明年 当年 今天 昨天 明天 后来 之后 之前 以后 以前 最后 最初 最早 最终 最近 最新 首次 第一次 未来 将来 接下来 同时 平均 每年
每月 每天 每人 一年 一次 一般 通常 分别 各自 各 全部 所有 其他 其它 别的 其中 还 也 都 又 再 才 就 只 已经 已 曾 曾经 正在 刚
没有 没 不 不是 能够 能不能 能否 能 可以 可不可以 可 会不会 会 要 应该 应当 必须 愿意 想 敢 是不是 是否 是 有没有 有 在 被 由 把 将
让 使 给 对 向 从 往 跟 和 与 同 及 以及 或 或者 还是 比 于 为 为了 因为 由于 因 因此 所以 如果 要是 即使 关于 至于 对于 按 靠 通过
根据 除了 以 用来 的话 请问 请 谢谢 麻烦 告诉 告诉我 我 我们 你 你们 您 大家 咱们 自己 一下 一点 一些 一个 这么 那么 那 这 个
的 地 得 了 着 过 吗 呢 吧 啊 呀 嘛 哦 么 里 上 下 中 内 外 前 后 间 等 等等 第 之 所 最 更 很 太 非常 比较 左右 以上 以下 多长 出 起 起来 下来 出来 其
""".split()
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
    f"{_alternatives(_RELATIONS_ZH + _WEAK_ZH + _VERBS_ZH + _GRAMMAR_ZH)}|[{_CLASSIFIERS}]"
)

# --- English. Words are compared by their stems. ---

_RELATIONS_EN = frozenset(
    terms(
        """
    leader head director manager chairman chairperson president dean mayor chief ceo founder cofounder creator inventor
    author writer designer developer maker manufacturer producer supplier vendor organiser organizer host initiator
    sponsor owner successor spokesperson engineer scientist price cost fee budget fund funding amount total sum size
    scale area population number length height depth width weight speed temperature distance age lifespan share
    percentage proportion rate revenue profit income sales output headquarters address location venue place site
    capital birthplace hometown time date year schedule agenda duration deadline phone website email goal aim purpose
    target objective reason cause meaning significance role function feature characteristic advantage disadvantage
    benefit drawback risk effect impact influence result outcome finding achievement contribution theme topic content
    name title nickname definition origin source history background process step method mechanism principle approach
    technology technique standard requirement condition rule plan task highlight policy prospect status problem
    challenge difficulty obstacle solution member employee staff team partner client customer user rival competitor
    father mother wife husband son daughter child parent family teacher student school job profession position
    nationality birthday work prize award version type kind colour color taste flavour flavor material ingredient
    component climate weather language currency symptom treatment dose dosage side rating ranking winner detail data
    figure example opening hour
    """
    )
)
_WEAK_EN = frozenset(
    terms(
        """
    company companies firm institution organisation organization department agency people person man woman someone
    expert academician scholar delegate guest visitor country region city nation province state product thing stuff
    part stage event news article way something anything everything day month week minute money dollar yuan others
    group body one ones area field industry participant
    """
    )
)
_ASKS_EN = frozenset(terms("who whom whose what which when where why how"))
_AUXILIARIES_EN = frozenset(
    terms("do does did is are was were be been being am has have had can could will would shall should may might must")
)
_GRAMMAR_EN = frozenset(
    terms(
        """
    the a an of in on at to for from by with about into over under between during before after since until against
    through than as per via near around up down out off and or but so then also too if because while not no only just
    very more most less least much many long far old often big large high tall fast wide deep heavy exactly please
    there here this that these those it its they them their he him his she her hers theirs itself themselves himself
    herself i me my you your we us our s t re ve ll d first last next latest current currently now today yesterday
    ago already still yet again later earlier else other another any some all both each every such same different
    together altogether approximately roughly usually actually really ever never
    """
    )
)
_VERBS_EN = frozenset(
    terms(
        """
    happen happened take took taken place hold held begin began begun start started end ended open opened close closed
    found founded establish established create created set launch launched release released publish published announce
    announced unveil unveiled make made build built produce produced develop developed design designed invent invented
    discover discovered propose proposed initiate initiated organise organised organize organized host hosted join
    joined attend attended participate participated include included includes contain involve come came go went get got
    receive received win won invest invested spend spent sign signed cooperate collaborate use used using apply work
    works worked run ran operate operated support supported supports serve served cost grow grew grown increase
    increased rise rose fall fell decrease decline change changed cause caused lead led mean means say said says tell
    told think thinks believe explain explained describe expect expects plan want need needs require required live
    lived die died born study studied graduate marry married call called name named locate located based situated
    belong see saw find give gave given show showed look like know help helps helped do done become became achieve
    achieved solve reach reached complete completed test tested perform compare compared matter last lasted buy sell
    sold pay charge know possible true free available safe important useful different good bad better best worth
    popular famous successful new young difficult easy hard
    """
    )
)
_LISTED_EN = _RELATIONS_EN | _WEAK_EN | _ASKS_EN | _AUXILIARIES_EN | _GRAMMAR_EN | _VERBS_EN
_WORD_EN = re.compile(r"[^\W_]+(?:[.'’-][^\W_]+)*")
_MONTHS = (
    "January|February|March|April|May|June|July|August|September|October|November|December"  # of a date, never a verb
)
_DATE_EN = (
    rf"(?:\d{{1,2}} )?\b(?:{_MONTHS})\b(?: \d{{1,2}}\b(?!:))?(?:,? \d{{4}})?|\b(?:1[5-9]|20)\d\ds?\b"
    r"|\b(?:last|this|next) (?:year|month|week)\b"
)
DATE = re.compile(f"{_DATE_ZH}|{_DATE_EN}")

# --- What the lists make of a question ---

_SPACE = re.compile(r"\s+")
_FILLER_ZH = re.compile(r"^(?:请问|请|麻烦|哦|嗯|好的|是啊|那么?(?=[,，])|你还记得|还记得|你知道|知道|你觉得|你了解|你好|您好|我想知道|我想问|想问一下|能不能告诉我|告诉我|你知道|知不知道|那么|[,，。、！\s])+")
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
_TRAILING_ZH = re.compile(f"(?:的?(?:{_alternatives(_RELATIONS_ZH)})|[的了和与、，, 也都要能])+$")
_BEGINS_RELATED_ZH = re.compile(_alternatives(_RELATIONS_ZH))
_ENDS_RELATED_ZH = re.compile(f"(?:{_alternatives(_RELATIONS_ZH)})$")
_TITLED = re.compile("《[^》]+》")
_COUNTED_ZH = re.compile(f"(?:多少|几(?!何)|哪些|哪几)[{_CLASSIFIERS}]?([一-龥]+?)(?=$|[的了是有在被由参支来自])")
_COUNTED_EN = re.compile(r"\b(?:how many|which|what) (\w+s)\b(?! that\b)", re.IGNORECASE)
_PREPOSITIONS = frozenset(
    "in on at to for from by with about into over under between during before after since until against through than as "
    "per via near around".split()
)


def plain(text: str) -> str:
    """Text in NFKC width on one line, without signs at its ends; its Traditional characters stay."""
    return _SPACE.sub(" ", unicodedata.normalize("NFKC", text)).strip(_SIGNS + "\"'“”‘’()")


def content(text: str) -> str:
    """What of a text is in none of the lists, a space between its parts; empty where it names nothing of its own."""
    if dominant_language(text) == "zh":
        return " ".join(_LISTED_ZH.sub(" ", simplified(text)).translate(_AS_SPACES).split())
    text = DATE.sub(" ", text)
    return " ".join(word.group() for word in _WORD_EN.finditer(text) if _is_own(word))


_AS_SPACES = dict.fromkeys(map(ord, _SIGNS + "《》「」『』“”‘’\"'()（）"), " ")


def _is_own(word: re.Match[str]) -> bool:
    found = terms(word.group())
    named = word.start() > 0 and word.group()[0].isupper() and word.group() != "I"
    return named or any(term not in _LISTED_EN and not term.replace(".", "").isdigit() for term in found)


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
        kept = _without(text, _ASK_ZH)
        return re.sub("[是吗呢的]+$", "", kept) or text
    words = list(_WORD_EN.finditer(text))
    asking = [word for word in words if _stems(word) & (_ASKS_EN | {"mani", "much"})]
    aux = next((word for word in words if _stems(word) & _AUXILIARIES_EN), None)
    dropped = {word.span() for word in (*asking, *([aux] if aux else []))}
    kept = [word.group() for word in words if word.span() not in dropped]
    return " ".join(kept) or text


def _without(text: str, pattern: re.Pattern[str]) -> str:
    """The text without what the pattern finds in its Simplified form."""
    kept, position = [], 0
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
    first, last = [], []
    for (_, start, mark), end in zip(breaks, ends, strict=True):
        piece = folded[start:end]
        leading = _LEADING_ZH.match(piece) if mark else None
        start += leading.end() if leading else 0
        trailing = _TRAILING_ZH.search(folded, start, end)
        if trailing and content(folded[start : trailing.start()]):
            end = trailing.start()
        asked_for = bool(_ASK_ZH.fullmatch(mark)) and mark[0] in "哪几多什何"
        (last if asked_for and not leading else first).append(text[start:end].strip(_SIGNS))
    return [*first, *last]


def _stems(word: re.Match[str]) -> set[str]:
    return set(terms(word.group()))


def _breaks_en(word: re.Match[str]) -> bool:
    """Whether a word stands in no subject: one that asks, an auxiliary, a verb, a preposition but “of”."""
    text = word.group()
    if text[0].isupper() and word.start() > 0:
        return False
    if text.lower() in {"the", "a", "an", "of", "and"}:
        return False
    listed = _stems(word) <= _ASKS_EN | _AUXILIARIES_EN | _GRAMMAR_EN | _VERBS_EN
    return listed and not _stems(word) <= _RELATIONS_EN or text.lower() in _PREPOSITIONS or text.endswith("ed")


def _pieces_en(text: str) -> list[str]:
    """The noun phrases: names first, then those with an article, then others, those asked for (“how many chips”) last."""
    runs: list[tuple[int, list[re.Match[str]]]] = []
    current: list[re.Match[str]] = []
    rank = 2
    previous: re.Match[str] | None = None
    for word in _WORD_EN.finditer(text):
        asks_before = previous is not None and _stems(previous) & _ASKS_EN and _stems(word) <= _VERBS_EN
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
        if following == "of" and set(terms(word)) <= _RELATIONS_EN | _WEAK_EN:
            first = position + 2
    while last - 1 > first and set(terms(small[last - 1])) <= _RELATIONS_EN and run[last - 1].group().islower():
        last -= 1
    if first >= last:
        return ""
    return re.sub("['’]s$", "", text[run[first].start() : run[last - 1].end()])


def asked_for(question: str) -> str:
    """The thing that a question counts or chooses from: “robots” of “how many robots”; else nothing."""
    text = plain(question)
    if dominant_language(text) == "zh":
        found = _COUNTED_ZH.search(simplified(text))
    else:
        found = _COUNTED_EN.search(text)
    return found.group(1) if found and content(found.group(1)) else ""


def begins_with_relation(text: str) -> bool:
    """Whether the first word of a Chinese text relates something to a subject: “负责人是谁”."""
    return _BEGINS_RELATED_ZH.match(simplified(text)) is not None


def ends_with_relation(text: str) -> bool:
    """Whether the last word of a text does: “what was the theme”."""
    if dominant_language(text) == "zh":
        return _ENDS_RELATED_ZH.search(simplified(text)) is not None
    words = list(_WORD_EN.finditer(text))
    return bool(words) and _stems(words[-1]) <= _RELATIONS_EN | _WEAK_EN
