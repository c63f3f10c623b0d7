from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL_ARTICLES, write_articles

from qa import generations, index
from qa.answerer import Answerer, refusal
from qa.calibration import calibration
from qa.chat import Chat
from qa.config import AnswerSettings, IndexSettings, SearchSettings, Settings
from qa.datatypes import Answer
from qa.evidence import look
from qa.missing import Missing
from qa.retriever import Retriever
from qa.text import fold, sentences

ANSWERABLE = [
    "京津冀创业投资引导基金的总规模是多少？",
    "众智FlagOS 2.0支持多少款芯片？",
    "How many chips does FlagOS 2.0 support?",
    "朱松纯是谁？",
]
UNANSWERABLE = ["火星上的基地什么时候建成？", "How do I bake bread?", "红烧肉要炖多久？"]
ALWAYS = Settings(answer=AnswerSettings(minimum_confidence=0.0))
NEVER = Settings(answer=AnswerSettings(minimum_confidence=1.0))
GENEROUS = replace(ALWAYS, answer=replace(ALWAYS.answer, citation_share=0.0))

Articles = Callable[..., Chat]


@pytest.fixture
def about(tmp_path: Path) -> Articles:
    """A chat about articles of one paragraph each, which answers whatever the confidence, or as the settings say."""

    def opened(*paragraphs: str, settings: Settings = ALWAYS) -> Chat:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        articles = {f"{number}.md": text for number, text in enumerate(paragraphs)}
        generations.build(write_articles(folder / "articles", articles), folder / "index", IndexSettings())
        return Chat.open(folder / "index", settings)

    return opened


def test_citations_are_numbered_slices_of_files(chat: Chat, corpus_folder: Path) -> None:
    """An answer has one to three citations numbered from 1, each of whole sentences standing in its file as quoted."""
    for question in ANSWERABLE + UNANSWERABLE:
        for settings in (ALWAYS, GENEROUS):
            answer = Chat(chat.index, settings).ask(question)
            assert [citation.number for citation in answer.citations] == [1, 2, 3][: len(answer.citations)]
            assert answer.citations
            for citation in answer.citations:
                text = (corpus_folder / citation.passage.document_id).read_bytes().decode("utf-8")
                assert text[citation.start : citation.end] == citation.quote
                starts, ends = zip(*sentences(citation.passage.text), strict=True)
                assert citation.start - citation.passage.start in starts
                assert citation.end - citation.passage.start in ends


def test_neighbours_are_cited_as_one(chat: Chat) -> None:
    """Of what is cited no two citations follow on each other in one passage, and together they are three sentences."""
    for question in ANSWERABLE + UNANSWERABLE:
        answer = Chat(chat.index, GENEROUS).ask(question)
        for one, other in combinations(sorted(answer.citations, key=lambda each: each.start), 2):
            if one.passage.id == other.passage.id:
                text = one.passage.text[one.end - one.passage.start : other.start - one.passage.start]
                assert text.strip() != ""
        assert sum(len(sentences(citation.quote)) for citation in answer.citations) == 3


def test_two_sentences_in_a_row_are_one_slice(about: Articles) -> None:
    """Two sentences that follow on each other and are both cited are one quote, with what stands between them."""
    text = "# Turtles\n\nA leatherback turtle can dive to 1,200 metres.  It then stays down for 85 minutes.\n"
    chat = about(text, settings=GENEROUS)
    (citation,) = chat.ask("How deep can a leatherback turtle dive?").citations
    assert citation.quote == text[text.index("A leather") : -1] == text[citation.start : citation.end]
    answer = about(text, settings=replace(GENEROUS, answer=replace(GENEROUS.answer, citations=1))).ask("How deep?")
    assert len(sentences(answer.citations[0].quote)) == 1


def test_an_answer_holds_nothing_but_its_citations(chat: Chat) -> None:
    """The text of an answer is its quotes with their numbers, and no sentence is cited twice."""
    for question in ANSWERABLE:
        for settings in (ALWAYS, GENEROUS):
            answer = Chat(chat.index, settings).ask(question)
            rest = answer.text
            for citation in answer.citations:
                assert f"{citation.quote} [{citation.number}]" in rest
                rest = rest.replace(f"{citation.quote} [{citation.number}]", "", 1)
            assert rest.strip() == ""
            cited = [fold(each.quote[a:b]) for each in answer.citations for a, b in sentences(each.quote)]
            assert len(set(cited)) == len(cited)


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("京津冀创业投资引导基金的总规模是多少？", "500亿元"),
        ("How many chips does FlagOS 2.0 support?", "32 AI chips"),
        ("“通通”目前的心智水平相当于几岁的孩子？", "五六岁"),
        ("How many robots ran the canteen?", "Eight robots"),
    ],
)
def test_the_right_sentence_is_cited(question: str, fact: str, chat: Chat) -> None:
    """A plain question about one fact is answered, and the first citation states it."""
    answer = chat.ask(question)
    assert answer.answered
    assert fact in answer.citations[0].quote


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("How deep can a leatherback turtle dive?", "1,200"),
        ("棱皮海龟能潜多深？", "1,200"),
        ("泡白毫银针要用多少度的水？", "80"),
        ("每位读者一次最多可以借阅几本书？", "12"),
        ("How many books may a reader borrow at once?", "12"),
    ],
)
def test_the_short_answer_is_a_slice_that_states_the_fact(question: str, fact: str, about: Articles) -> None:
    """A question about one fact has a short answer that holds it, less than its sentence, cut from its own citation."""
    chat = about(*SMALL_ARTICLES.values())
    answer = chat.ask(question)
    short = answer.short
    assert short is not None
    assert fact in short.quote
    cited = answer.citations[short.number - 1]
    assert (short.passage, short.content_hash) == (cited.passage, cited.content_hash)
    assert cited.start <= short.start < short.end <= cited.end
    assert short.end - short.start < cited.end - cited.start
    text = (chat.corpus / short.passage.document_id).read_bytes().decode("utf-8")
    assert text[short.start : short.end] == short.quote


def test_a_short_answer_is_given_where_it_is_sure_enough(chat: Chat) -> None:
    """With a threshold of 0 every answer has a short one, with 1 none has, and what is cited stays the same."""
    for question in ANSWERABLE + UNANSWERABLE:
        one, other = (
            Chat(chat.index, replace(ALWAYS, answer=replace(ALWAYS.answer, minimum_short_confidence=value))).ask(
                question
            )
            for value in (0.0, 1.0)
        )
        assert one.short is not None
        assert other.short is None
        assert one.citations == other.citations
    assert all(answer.short is None for answer in map(Chat(chat.index, NEVER).ask, ANSWERABLE))


@pytest.mark.parametrize("question", ["为什么要扩大国际科技创新中心？", "How does the subtitle device help people?"])
def test_why_and_how_are_answered_by_the_sentence_itself(question: str, chat: Chat) -> None:
    """Where a part of a sentence is doubtful, the short answer to why or how is the whole sentence."""
    part, whole = (
        Chat(chat.index, replace(ALWAYS, answer=replace(ALWAYS.answer, minimum_phrase_confidence=value))).ask(question)
        for value in (0.0, 1.0)
    )
    assert part.short is not None
    assert whole.short is not None
    assert whole.citations == part.citations
    text = chat.document(whole.short.passage.document_id).text
    assert (whole.short.start, whole.short.end) in [
        (start, end) for start, end in sentences(text) if start <= part.short.start and part.short.end <= end
    ]


def test_how_many_is_answered_by_a_part_of_the_sentence(chat: Chat) -> None:
    """What is asked for other than why and how is never answered by a sentence because its part is doubtful."""
    settings = replace(ALWAYS, answer=replace(ALWAYS.answer, minimum_phrase_confidence=1.0))
    for question in ANSWERABLE:
        assert Chat(chat.index, settings).ask(question).short == Chat(chat.index, ALWAYS).ask(question).short


def test_a_higher_share_cites_no_more(chat: Chat) -> None:
    """Raising the share that a sentence needs only takes some away, until the one with the short answer is left."""
    for question in ANSWERABLE:
        cited = []
        for share in (0.0, 0.1, 0.3, 0.6, 1.0):
            settings = replace(
                ALWAYS, answer=replace(ALWAYS.answer, citation_share=share, minimum_short_confidence=0.0)
            )
            answer = Chat(chat.index, settings).ask(question)
            cited.append({fold(each.quote[a:b]) for each in answer.citations for a, b in sentences(each.quote)})
        assert all(after <= before for before, after in pairwise(cited))
        if not answer.conflict:
            assert len(cited[-1]) == 1
            assert answer.short is not None
            assert fold(answer.short.quote) in cited[-1].pop()


def test_every_sentence_that_is_likely_enough_is_cited(chat: Chat) -> None:
    """Cited are the sentence with the short answer and each that is as likely as the settings ask, if there is room."""
    retriever = Retriever(chat.index, SearchSettings())
    several = 0
    for question in ANSWERABLE + UNANSWERABLE:
        query, hits = retriever.search(question)
        for share in (0.02, 0.1, 0.2):
            settings = AnswerSettings(minimum_confidence=0.0, citation_share=share)
            found = look(retriever, query, hits[: settings.passages_read])
            assert found.short is not None
            expected = {found.short.sentence, *np.flatnonzero(found.shares >= share).tolist()}
            texts = {fold(found.ranked[number].text) for number in expected}
            answer = Answerer(retriever, settings).answer(query, hits)
            if not answer.conflict and len(texts) <= settings.citations:
                cited = {fold(each.quote[a:b]) for each in answer.citations for a, b in sentences(each.quote)}
                assert cited == texts
                several += len(texts) > 1
    assert several > 0


LEATHERBACK = "# Turtles\n\nThe turtles dig their nests on warm beaches at night.\n"


def shows_both(chat: Chat, question: str, values: tuple[str, str]) -> None:
    """Asserts that both values are given as differing, each cut from its own citation."""
    answer = chat.ask(question)
    assert {part.passage.document_id for part in answer.conflict} == {"0.md", "1.md"}
    for part in answer.conflict:
        assert values[int(part.passage.document_id[0])] in part.quote
        cited = answer.citations[part.number - 1]
        assert cited.passage == part.passage
        assert cited.start <= part.start < part.end <= cited.end
        text = (chat.corpus / part.passage.document_id).read_bytes().decode("utf-8")
        assert text[part.start : part.end] == part.quote


@pytest.mark.parametrize(
    ("question", "articles", "values"),
    [
        (
            "How tall is the Tirna tower?",
            ("# Tirna\n\nThe Tirna tower is 120 metres tall.\n", "# Towers\n\nThe Tirna tower is 135 metres tall.\n"),
            ("120", "135"),
        ),
        (
            "蒂尔纳塔有多高？",
            ("# 蒂尔纳塔\n\n蒂尔纳塔高120米。\n", "# 蒂尔纳\n\n城里的蒂尔纳塔有135米高。\n"),
            ("120", "135"),
        ),
        (
            "How many people visited the forum?",
            (
                "# Forum\n\nThe forum was visited by 2.25 million people.\n",
                "# The forum\n\n2.18 million people visited the forum.\n",
            ),
            ("2.25 million", "2.18 million"),
        ),
        (
            "When did the clock museum open?",
            (
                "# Clock museum\n\nThe clock museum opened in 1987.\n",
                "# Clock museum\n\nThe clock museum opened its doors in 1989.\n",
            ),
            ("1987", "1989"),
        ),
        (
            "How many visitors came to the Kunlun forum?",
            (
                "# The Kunlun forum\n\nThe Kunlun forum drew 2.25 million visitors.\n",
                "# The forum\n\nSome 2.18 million visitors came to the Kunlun forum.\n",
            ),
            ("2.25 million", "2.18 million"),
        ),
    ],
)
def test_articles_that_disagree_are_both_quoted(
    question: str, articles: tuple[str, str], values: tuple[str, str], about: Articles
) -> None:
    """Two articles that state another number for one thing, however worded, are both quoted, each from its citation."""
    shows_both(about(*articles, LEATHERBACK), question, values)


@pytest.mark.parametrize(
    "question", ["When did the museum of clocks open?", "钟表博物馆是哪一年开馆的？"], ids=["in English", "in Chinese"]
)
def test_articles_in_two_languages_may_disagree(question: str, about: Articles) -> None:
    """Where an English and a Chinese article state another year for one thing both are given, in either language."""
    english, chinese = "The museum of clocks opened in 1987.", "钟表博物馆于1989年开馆。"
    chat = about(f"# The museum of clocks\n\n{english}\n", f"# 钟表博物馆\n\n{chinese}\n", LEATHERBACK)
    shows_both(chat, question, ("1987", "1989年"))


@pytest.mark.parametrize(
    ("question", "articles"),
    [
        (
            "How many visitors came to the Kunlun forum?",
            (
                "# The Kunlun forum\n\nThe Kunlun forum drew 2.25 million visitors.\n",
                "# 昆仑论坛\n\n昆仑论坛有225万名访客到场。\n",
            ),
        ),
        (
            "昆仑论坛有多少访客？",
            (
                "# The Kunlun forum\n\nThe Kunlun forum drew 2.25 million visitors.\n",
                "# 昆仑论坛\n\n昆仑论坛有225万名访客到场。\n",
            ),
        ),
        (
            "How high is the tower of Tirna?",
            ("# The tower of Tirna\n\nThe tower is 120 metres high. It was 135 metres high.\n",),
        ),
        ("蒂尔纳塔有多高？", ("# 蒂尔纳塔\n\n蒂尔纳塔高120米。\n", "# 蒂尔纳\n\n蒂尔纳塔有12层。\n")),
        (
            "Who built the tower of Tirna?",
            ("# The tower of Tirna\n\nAda built it in 1887.\n", "# The tower of Tirna\n\nAda built it in 1889.\n"),
        ),
    ],
)
def test_articles_that_agree_are_no_conflict(question: str, articles: tuple[str, ...], about: Articles) -> None:
    """One value in two languages, one article alone, other measures and other kinds of answer are no conflict."""
    answer = about(*articles, LEATHERBACK).ask(question)
    assert answer.answered
    assert answer.conflict == ()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_conflict_is_shown_whole_or_not_at_all(count: int, about: Articles) -> None:
    """However few citations are asked for, no single value is shown as what articles disagree on."""
    articles = "# Tirna\n\nThe Tirna tower is 120 metres tall.\n", "# Towers\n\nThe Tirna tower is 135 metres tall.\n"
    chat = about(*articles, settings=replace(ALWAYS, answer=replace(ALWAYS.answer, citations=count)))
    answer = chat.ask("How tall is the Tirna tower?")
    assert len(answer.conflict) in ((0, 2) if count == 1 else (2,))
    assert len(answer.citations) <= count


def test_a_refusal_cites_nothing_and_shows_what_is_near(chat: Chat) -> None:
    """A question the articles cannot answer is refused in its own language, without citations, with the hits kept."""
    for question in UNANSWERABLE:
        answer = chat.ask(question)
        assert (answer.answered, answer.citations, answer.short, answer.conflict) == (False, (), None, ())
        assert len(answer.hits) == chat.settings.search.hits
    assert chat.ask(UNANSWERABLE[0]).text.startswith("文章里没有找到答案")
    assert chat.ask(UNANSWERABLE[1]).text.startswith("The articles do not say")


@pytest.mark.parametrize(
    ("lacking", "english", "chinese"),
    [
        (Missing(), "The articles do not say. The", "文章里没有找到答案。下面"),
        (Missing(("2031",)), "The articles do not say: no passage mentions “2031”. The", "：没有段落提到“2031”。下面"),
        (Missing(("a", "b"), ("c",)), "say: no passage mentions “a” or “b”. The", "：没有段落提到“a”、“b”。下面"),
        (
            Missing((), ("c", "d")),
            "say: the nearest passages do not mention “c” or “d”. The",
            "：最接近的段落没有提到“c”、“d”。下面",
        ),
        (Missing(("{0}",)), "no passage mentions “{0}”. The", "没有段落提到“{0}”。下面"),
    ],
)
def test_a_refusal_says_what_is_missing(lacking: Missing, english: str, chinese: str) -> None:
    """A refusal names what no passage mentions, or else what the nearest do not, in the question's language."""
    assert english in refusal("en", lacking)
    assert refusal("en", lacking).endswith("The nearest passages are below.")
    assert chinese in refusal("zh", lacking)
    assert refusal("zh", lacking).endswith("下面是最接近的段落。")


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("How deep could a turtle dive in 2031?", "no passage mentions “2031”"),
        ("2031年的白茶怎么储存？", "没有段落提到“2031”"),
    ],
)
def test_a_refused_question_is_told_what_no_passage_mentions(question: str, said: str, about: Articles) -> None:
    """A year that stands in no article is named where the question is refused."""
    answer: Answer = about(*SMALL_ARTICLES.values(), settings=NEVER).ask(question)
    assert not answer.answered
    assert said in answer.text


def test_the_threshold_decides(chat: Chat) -> None:
    """With threshold 0 every question with hits is answered, with 1 none is, and the confidence is the same."""
    for question in ANSWERABLE + UNANSWERABLE:
        always, never = Chat(chat.index, ALWAYS).ask(question), Chat(chat.index, NEVER).ask(question)
        assert always.answered
        assert not never.answered
        assert 0.0 < always.confidence == never.confidence < 1.0
        assert always.hits == never.hits


def test_without_a_threshold_the_one_fitted_for_the_languages_decides(small_index: Path) -> None:
    """A question is refused exactly where the threshold of its language and its best passage's says so."""
    loaded = index.load(generations.live_folder(small_index))
    asked = {
        "en to en": "How deep can a leatherback turtle dive?",
        "zh to zh": "每位读者一次最多可以借阅几本书？",
        "en to zh": "How many books may a reader of the library borrow?",
        "zh to en": "棱皮海龟可以下潜到多少米深？",
    }
    for strict in asked:
        thresholds = {pair: float(pair == strict) for pair in asked}
        retriever = Retriever(loaded, SearchSettings(), {**calibration(), "threshold": thresholds})
        answerer = Answerer(retriever, AnswerSettings())
        refused = {
            pair for pair, question in asked.items() if not answerer.answer(*retriever.search(question)).answered
        }
        assert refused == {strict}
        always = Answerer(retriever, AnswerSettings(minimum_confidence=0.0))
        assert always.answer(*retriever.search(asked[strict])).answered


def test_nothing_found_is_a_refusal(small_index: Path) -> None:
    """Without hits there is nothing to cite, whatever the threshold, and the confidence is none."""
    retriever = Retriever(index.load(generations.live_folder(small_index)), SearchSettings())
    query, _ = retriever.search("How deep can a leatherback turtle dive?")
    for settings in (AnswerSettings(), AnswerSettings(minimum_confidence=0.0)):
        answer = Answerer(retriever, settings).answer(query, [])
        assert (answer.answered, answer.confidence, answer.hits) == (False, 0.0, ())
        assert answer.text.startswith("The articles do not say.")


def test_no_more_is_cited_than_was_asked_for(chat: Chat) -> None:
    """With `citations=1` one sentence is cited, and it stands in the first citation of three."""
    for question in ANSWERABLE:
        three = Chat(chat.index, GENEROUS).ask(question).citations[0]
        (one,) = Chat(chat.index, replace(ALWAYS, answer=replace(ALWAYS.answer, citations=1))).ask(question).citations
        assert len(sentences(one.quote)) == 1
        assert one.passage == three.passage
        assert three.start <= one.start < one.end <= three.end


def test_a_sentence_that_stands_twice_is_cited_once(about: Articles) -> None:
    """Where two articles hold the same sentence it is cited from one of them alone."""
    sentence = "The lighthouse keeper lights the lamp at dusk."
    chat = about(*(f"# {name}\n\n{sentence}\n" for name in ("one.md", "two.md")), settings=GENEROUS)
    answer = chat.ask("When does the lighthouse keeper light the lamp?")
    assert [citation.quote for citation in answer.citations] == [sentence]
