import pytest

from qa.question import asks_for, numbers_named, numbers_stated, offers


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("论坛是什么时候开的？", "date"),
        ("In which year was it founded?", "date"),
        ("When did they meet?", "date"),
        ("这台设备要多少钱？", "money"),
        ("How much did the tower cost?", "money"),
        ("占全国的百分之几？", "share"),
        ("What percentage of them agreed?", "share"),
        ("有多少家企业参加？", "number"),
        ("How many chips does it support?", "number"),
        ("谁是院长？", "person"),
        ("Who founded the company?", "person"),
        ("是哪家机构发布的？", "organisation"),
        ("Which university made the chip?", "organisation"),
        ("总部在哪座城市？", "place"),
        ("Where is it held?", "place"),
        ("为什么要设立它？", "reason"),
        ("Why was it set up?", "reason"),
        ("他们怎样导航？", "means"),
        ("How does it find its way?", "means"),
        ("包括哪些城市？", "place"),
        ("Which cities are included?", "place"),
        ("包括哪些内容？", "list"),
        ("介绍一下它", None),
        ("Tell me about it", None),
    ],
)
def test_what_a_question_asks_for(question: str, kind: str | None) -> None:
    """The words of a question in either language, or either script, tell what is asked for."""
    assert asks_for(question) == kind


@pytest.mark.parametrize(
    ("kind", "holding", "lacking"),
    [
        ("date", ["3月25日开幕", "in March", "于1987年"], ["很久以前", "long ago"]),
        ("money", ["500亿元", "$20", "two million yuan"], ["500家", "twenty people"]),
        ("share", ["占20%", "百分之五", "one third of them"], ["20个", "twenty"]),
        ("person", ["院长朱松纯介绍", "met Anna Smith there"], ["机器人送餐", "robots bring food"]),
        ("organisation", ["北京大学的团队", "by the Ministry"], ["他们都来了", "they all came"]),
        ("place", ["位于石家庄市", "went to Tianjin"], ["他们很高兴", "they were glad"]),
        ("reason", ["因为下雨", "because of rain"], ["下雨了", "rain fell"]),
        ("means", ["通过传感器", "by using sensors"], ["有传感器", "sensors exist"]),
        ("list", ["茶、水和米", "tea, water, and rice"], ["茶很热", "tea is hot"]),
    ],
)
def test_what_a_sentence_offers(kind: str, holding: list[str], lacking: list[str]) -> None:
    """A sentence offers a kind exactly where it holds something of it."""
    assert [text for text in holding if not offers(text, kind, "")] == []
    assert [text for text in lacking if offers(text, kind, "")] == []


def test_a_number_of_the_question_is_no_answer() -> None:
    """A sentence offers a number only where it states one that the question does not name."""
    assert offers("FlagOS 2.0支持32款芯片。", "number", "FlagOS 2.0支持多少款芯片？")
    assert not offers("FlagOS 2.0已经发布。", "number", "FlagOS 2.0支持多少款芯片？")


def test_numbers_are_read_in_either_language() -> None:
    """Digits, Chinese numerals and English words of one value are the same number."""
    assert numbers_named("第九届2026年论坛") == {"9", "2026"} == numbers_named("the ninth forum of 2026")
    assert numbers_named("二〇二六年") == {"2026"}
    assert {"12", "1,000".replace(",", "")} <= numbers_stated("twelve of 1,000")
    assert "15" in numbers_stated("十五个")
    assert numbers_named("一个问题") == set()
