import pytest

from qa.question import (
    asks_for,
    kind_evidence,
    numbers_in_words,
    numbers_named,
    numbers_stated,
    offered,
    offers,
    phrases,
    question_word,
    share_held,
)


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("论坛是什么时候开的？", "date"),
        ("In which year was it founded?", "date"),
        ("When did they meet?", "date"),
        ("图书馆星期几闭馆？", "date"),
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
        ("date", ["3月25日开幕", "in March", "于1987年", "每周一闭馆", "closed on Mondays"], ["很久以前", "long ago"]),
        ("money", ["500亿元", "$20", "two million yuan"], ["500家", "twenty people"]),
        ("share", ["占20%", "百分之五", "one third of them"], ["20个", "twenty"]),
        ("person", ["院长朱松纯介绍", "院長張松純介紹", "met Anna Smith there"], ["机器人送餐", "robots bring food"]),
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
    assert numbers_named("第一百二十届") == {"120"}
    assert numbers_named("一亿二千万年") == {"120000000"}
    assert numbers_named("the twenty-third congress") == {"23"}
    assert numbers_named("the thirtieth and fifth") == {"30", "5"}
    assert "31" in numbers_stated("thirty one of them")


def test_a_kind_speaks_where_it_is_asked_for() -> None:
    """What a sentence holds counts only for a question that asks for it."""
    kinds = {"money": [2.0, -1.0]}
    told = ["总规模为500亿元。", "基金由北京设立。"]
    assert kind_evidence(told, "基金的规模有多大？多少钱？", kinds) == [2.0, -1.0]
    assert kind_evidence(told, "谁设立了基金？", kinds) == [0.0, 0.0]


def test_phrases_are_runs_of_the_question() -> None:
    """A question's phrases are each three Han characters and each two words in a row, whatever their width and case."""
    assert phrases("機器人餐吧？") == {"机器人", "器人餐", "人餐吧"}
    assert phrases("Who ran the ＲＯＢＯＴ canteen, and") == {"who ran", "ran the", "the robot", "robot canteen"}
    assert phrases("水") == frozenset()


def test_phrases_are_held_whole() -> None:
    """A text holds a phrase in either script, and of English only where its words stand whole."""
    assert share_held(["is a", "robot canteen"], "This account of the ROBOT canteen") == 0.5
    assert share_held(["机器人"], "機器人餐吧") == 1.0
    assert share_held([], "anything") == 0.0


def test_a_run_of_numerals_without_end_is_harmless() -> None:
    """A run of numeral characters longer than any number is read in pieces instead of worked out."""
    assert all(len(value) < 300 for value in numbers_named("第" + "亿" * 1000))
    assert all(len(value) < 300 for value in numbers_stated("亿" * 1000))


@pytest.mark.parametrize(
    ("question", "word"),
    [
        ("Who founded it?", "Who"),
        ("In WHICH year was it founded?", "WHICH"),
        ("Of whom and how many do you speak?", "whom"),
        ("Say how many chips it supports, and why", "how many"),
        ("它支持多少款芯片？", "多少"),
        ("機器人叫什麼名字？", "什麼"),
        ("哪些城市参加了？", "哪些"),
        ("它是怎样导航的，为何？", "怎样"),
        ("Tell me about whales and showers", None),
        ("介绍一下它", None),
        ("", None),
    ],
)
def test_the_word_that_asks_is_found(question: str, word: str | None) -> None:
    """The first word that asks stands where it is said to, in either language or script, and never inside another."""
    place = question_word(question)
    assert (None if place is None else question[slice(*place)]) == word


@pytest.mark.parametrize(
    ("question", "sentence", "parts"),
    [
        ("有多少家企业参加？", "2026年有12家企业和1,200人参加。", ["2026", "12", "1,200"]),
        ("论坛是什么时候开的？", "论坛于3月25日开幕。", ["3月", "25日"]),
        ("When did they meet?", "They met in March 2026.", ["March", "2026"]),
        ("這台設備要多少錢？", "總額500億元。", ["500億元"]),
        ("Where is it held?", "It is held in Tianjin.", ["Tianjin"]),
        ("Tell me about it", "It met in March 2026.", []),
        ("When did they meet?", "They met.", []),
    ],
)
def test_what_is_asked_for_is_found_in_its_place(question: str, sentence: str, parts: list[str]) -> None:
    """In each value of the kind that the question asks for there is one place, in either script, and none elsewhere."""
    places = offered(sentence, question)
    values = [(sentence.index(part), sentence.index(part) + len(part)) for part in parts]
    assert len(places) == len(values)
    assert all(low <= start < end <= high for (start, end), (low, high) in zip(places, values, strict=True))


def test_numbers_in_words_are_found_in_their_place() -> None:
    """Number words of English below one hundred are found in their places, ordinals and other words are not."""
    sentence = "Eight robots and twenty-three people, the third time."
    assert [sentence[start:end] for start, end in numbers_in_words(sentence)] == ["Eight", "twenty-three"]
