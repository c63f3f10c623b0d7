import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from pages import CHINESE, ENGLISH

from qa.chat import Chat
from qa.config import AnswerSettings, Settings
from qa.datatypes import Answer
from qa.errors import CorpusError, IndexMissingError, QuestionError

ALWAYS = Settings(answer=AnswerSettings(minimum_confidence=0.0, citation_share=0.0))
DEPTH = "How deep can a leatherback turtle dive?"


def stands_in_file(answer: Answer, corpus: Path) -> bool:
    """Whether every citation stands in its file as the file is now."""
    return all(
        (corpus / citation.passage.document_id).read_bytes().decode("utf-8")[citation.start : citation.end]
        == citation.quote
        for citation in answer.citations
    )


@pytest.mark.parametrize(
    "question",
    [
        "",
        " \n\t\u3000",
        "🙂🎉👩‍👩‍👧",
        "\x00\x07\x1b\x7f\x85",
        "？！。…",
        "\ud800",
        "\u200b\u200d\ufeff",
        "问" * 100_000,
        "ﷺ" * 2_000,
    ],
    ids=["empty", "blank", "emoji", "controls", "punctuation", "lone surrogate", "invisible", "long", "ligatures"],
)
def test_what_is_no_question_is_said_in_one_line(question: str, chat: Chat) -> None:
    """A question without a word, or far too long, raises an error of one short line."""
    with pytest.raises(QuestionError) as caught:
        chat.ask(question)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_a_question_is_cleaned_but_kept_as_asked(chat: Chat) -> None:
    """Controls, line ends and stray surrogates change neither what is found nor the question as it is kept."""
    plain = chat.ask("How many chips does FlagOS 2.0 support?")
    messy = chat.ask("\ufeffHow many\n\x00chips\t does \x1bFlagOS 2.0 support?\ud800")
    assert messy.question == "\ufeffHow many\n\x00chips\t does \x1bFlagOS 2.0 support?\ud800"
    assert messy.citations == plain.citations
    assert plain.citations


@pytest.mark.parametrize(
    ("plain", "marked"),
    [
        ("众智FlagOS 2.0支持多少款芯片？", "众智FlagOS 2.0支持多\u200b少款芯\u200b片？"),
        ("How many robots ran the canteen?", "How many ro\u00adbots ran the can\u00adteen?"),
    ],
)
def test_marks_that_are_not_seen_cut_no_word(plain: str, marked: str, chat: Chat) -> None:
    """Zero-width spaces and soft hyphens, as copied text has them, change neither citations nor confidence."""
    assert chat.ask(marked).citations == chat.ask(plain).citations
    assert chat.ask(marked).confidence == chat.ask(plain).confidence


def test_the_longest_question_is_answered(chat: Chat) -> None:
    """A question of exactly the allowed length is answered, one character more is not."""
    limit = chat.settings.answer.question_characters
    question = ("How many chips does FlagOS 2.0 support? " * limit)[:limit]
    assert chat.ask(question).hits
    told = rf"{limit + 1:,} characters \(limit {limit:,}\).+raise question_characters"
    with pytest.raises(QuestionError, match=told):
        chat.ask(question + "?")


def test_an_edited_article_is_never_cited_at_the_old_place(small_index: Path, small_corpus: Path) -> None:
    """After an edit before, inside or after the cited sentence, whatever is cited stands in the file as it is now."""
    chat = Chat.open(small_index, ALWAYS)
    path = small_corpus / "turtles.en.md"
    before = path.read_bytes()
    assert any("1,200 metres" in citation.quote for citation in chat.ask(DEPTH).citations)
    for old, new in [(b"## Diving", b"## Diving and more"), (b"1,200", b"1,300"), (b"at night", b"by moonlight")]:
        path.write_bytes(before.replace(old, new))
        answer = chat.ask(DEPTH)
        assert stands_in_file(answer, small_corpus)
        assert any("1,200 metres" in hit.passage.text for hit in answer.hits) == (old == b"at night")
    path.write_bytes(before)
    assert any("1,200 metres" in citation.quote for citation in chat.ask(DEPTH).citations)


def test_an_edit_that_keeps_size_and_time_is_seen(small_index: Path, small_corpus: Path) -> None:
    """An edit is seen also where the file keeps its length and its time, as a copying tool may leave it."""
    chat = Chat.open(small_index, ALWAYS)
    path = small_corpus / "turtles.en.md"
    assert any("1,200 metres" in citation.quote for citation in chat.ask(DEPTH).citations)
    status = path.stat()
    path.write_bytes(path.read_bytes().replace(b"1,200", b"9,999"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert stands_in_file(chat.ask(DEPTH), small_corpus)


def test_a_deleted_article_is_never_cited(small_index: Path, small_corpus: Path) -> None:
    """After its file is gone, or no longer text, an article is neither cited nor among the hits; the others are."""
    chat = Chat.open(small_index, ALWAYS)
    (small_corpus / "clocks.txt").write_bytes(b"\xff\xfe\x00")
    (small_corpus / "turtles.en.md").unlink()
    answer = chat.ask(DEPTH)
    assert {hit.passage.document_id for hit in answer.hits} == {"tea.zh.md", "图书馆/读者.zh.md"}
    assert answer.citations
    assert stands_in_file(answer, small_corpus)
    with pytest.raises(CorpusError, match=r"turtles\.en\.md"):
        chat.document("turtles.en.md")
    for path in small_corpus.rglob("*.*"):
        path.unlink()
    with pytest.raises(CorpusError, match="qa build"):
        chat.ask(DEPTH)


@pytest.mark.parametrize("identity", ["../../etc/passwd", "/etc/passwd", "", ".", "no-such-article.md"])
def test_only_indexed_articles_are_shown(identity: str, chat: Chat) -> None:
    """A document id that is not in the index is refused, whatever file it may lead to."""
    with pytest.raises(CorpusError):
        chat.document(identity)


def test_eight_may_ask_at_once(chat: Chat) -> None:
    """Eight threads asking one chat get the answers one would, to the last digit."""
    questions = ["众智FlagOS 2.0支持多少款芯片？", "How many robots ran the canteen?", "火星上的基地什么时候建成？"] * 8
    alone = [chat.ask(question) for question in questions[:3]] * 8
    with ThreadPoolExecutor(max_workers=8) as threads:
        assert list(threads.map(chat.ask, questions)) == alone


def test_a_chat_opens_what_was_built(small_index: Path, small_corpus: Path, tmp_path: Path) -> None:
    """A chat knows its corpus and the settings its index was built with; without an index it says how to build one."""
    chat = Chat.open(small_index, replace(ALWAYS, index=replace(ALWAYS.index, passage_bytes=500)))
    assert chat.corpus.samefile(small_corpus)
    assert chat.settings.index.passage_bytes == 900
    with pytest.raises(IndexMissingError, match="qa build"):
        Chat.open(tmp_path / "nowhere")


CHAINS = [  # each question with words of the passage that answers it; all but the first of a chain are incomplete
    [
        ("京津冀创业投资引导基金的总规模是多少？", "500亿元"),
        ("谁设立的？", "北京设立了"),
        ("颠覆性技术创新专项呢？", "179家"),
    ],
    [
        ("众智FlagOS 2.0支持多少款芯片？", "32 AI chips"),
        ("它是哪个团队做的？", "Academy of Artificial Intelligence"),
        ("How many vendors does it work with?", "18 vendors"),
        ("谁说的？", "Lin Yonghua"),
    ],
    [
        ("第九届中关村国际前沿科技大赛什么时候举行总决赛？", "3月26日"),
        ("那投资北京大会呢？", "3月25日"),
        ("签约了多少个项目？", "34个"),
        ("总金额呢？", "619.91亿元"),
    ],
    [
        ("How many robots ran the canteen?", "Eight robots"),
        ("Which companies made them?", "five embodied-intelligence companies"),
    ],
    [
        ("When was the Open Source Alliance founded?", "27 March"),
        ("How many members does it have?", "more than 40"),
        ("what activities does it plan?", "three kinds of activity"),
    ],
]


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain[0][0])
def test_a_follow_up_finds_its_passage(chain: list[tuple[str, str]], chat: Chat) -> None:
    """Each question of a conversation finds its passage among the first three; the answer says what was searched."""
    history: list[Answer] = []
    for question, words in chain:
        answer = chat.ask(question, history=history)
        assert answer.question == question
        assert any(words in hit.passage.text for hit in answer.hits[:3]), answer.searched_as
        assert bool(answer.searched_as) == bool(history)
        assert replace(chat.ask(answer.searched), question=question, searched_as=answer.searched_as) == answer
        history.append(answer)


def test_a_whole_question_is_untouched_by_history(chat: Chat) -> None:
    """A question with a subject of its own is answered to the last digit as it would be without any history."""
    history = [chat.ask("众智FlagOS 2.0支持多少款芯片？"), chat.ask("火星上的基地什么时候建成？")]
    for question in ("How many robots ran the canteen?", "2026中关村论坛年会是什么时候举行的？"):
        assert chat.ask(question, history=history) == chat.ask(question)


@pytest.mark.parametrize(
    ("first", "then", "said"),
    [
        ("How many guests gave speeches at the forum?", "那2031年呢？", "文章里没有找到答案"),
        ("2026中关村论坛年会是什么时候举行的？", "What about 2031?", "The articles do not say"),
    ],
)
def test_a_refusal_is_in_the_language_of_what_was_asked(first: str, then: str, said: str, chat: Chat) -> None:
    """Where the conversation changes its language, a refusal is in that of the last question."""
    answer = chat.ask(then, history=[chat.ask(first)])
    assert not answer.answered
    assert answer.text.startswith(said)


def test_a_refusal_is_history_too(chat: Chat) -> None:
    """A follow-up of a refused question keeps its subject."""
    refused = chat.ask("火星上的基地什么时候建成？")
    assert not refused.answered
    assert chat.ask("在哪里？", history=[refused]).searched_as == "火星上的基地在哪里建成？"


def test_a_corrected_question_is_searched_as_it_stands(chat: Chat) -> None:
    """A question given to search is searched unchanged, whatever was asked; the answer keeps both."""
    corrected = chat.ask("它呢？", searched_as="How many robots ran the canteen?")
    assert (corrected.question, corrected.searched_as) == ("它呢？", "How many robots ran the canteen?")
    assert corrected.citations == chat.ask("How many robots ran the canteen?").citations
    assert chat.ask("它呢？", history=[corrected], searched_as="它呢？").searched_as == ""
    for wrong in ("", "？！", "问" * 3_000):
        with pytest.raises(QuestionError):
            chat.ask("它呢？", searched_as=wrong)


def test_a_completed_question_is_explained_as_searched(chat: Chat) -> None:
    """For a completed question the words that met are those of the question as it was searched."""
    answer = chat.ask("它是哪个团队做的？", history=[chat.ask("众智FlagOS 2.0支持多少款芯片？")])
    pairs = chat.explain(answer.searched, answer.hits[0]).pairs
    assert "Flag" in [pair.word for pair in pairs]
    assert all(answer.searched[slice(*pair.asked)] == pair.word for pair in pairs)


def test_what_cannot_be_made_whole_is_asked_as_it_is(chat: Chat) -> None:
    """A messy first question, or one that would grow too long, is searched as asked."""
    long = chat.ask("众智" + "很" * 1_995 + "？")
    assert chat.ask("它是哪个团队做的？", history=[long]).searched_as == ""
    messy = chat.ask("\ufeff众智FlagOS 2.0\x00支持多少款芯片\ud800？")
    assert messy.searched_as == ""
    assert chat.ask("它\u200b是谁做的\n？", history=[messy]).searched_as.startswith("众智FlagOS 2.0")


def test_after_warming_up_questions_read_only_articles(index_folder: Path) -> None:
    """Once warmed up, a chat opens no file of the package for the first question in either language."""
    code = (
        "import sys; from pathlib import Path; import qa; from qa.chat import Chat;"
        "chat = Chat.open(Path(sys.argv[1])); warm = len(sys.argv) > 2; warm and chat.warm_up(); opened = set();"
        "sys.addaudithook(lambda event, given: opened.add(str(given[0])) if event == 'open' else None);"
        f"[chat.ask(each) for each in ({CHINESE!r}, {ENGLISH!r})];"
        "print(*(each for each in opened if Path(each).parent == Path(qa.__file__).parent))"
    )
    command = [sys.executable, "-X", "utf8", "-c", code, str(index_folder)]
    cold, warm = (
        subprocess.run([*command, *more], capture_output=True, text=True, check=True).stdout for more in ((), ("warm",))
    )
    assert "translations.txt" in cold
    assert warm.strip() == ""
