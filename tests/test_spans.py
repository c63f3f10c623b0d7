import math
import random
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qa.index import SearchIndex
from qa.query import encode
from qa.question import KINDS
from qa.spans import (
    MOST_WORDS,
    Candidates,
    Span,
    SpanModel,
    best_span,
    candidates,
    chosen,
    probabilities,
    span_models,
)
from qa.text import words
from training.spans import Example, Network, Scales, model_of, save, tensors

QUESTIONS = ["How deep can a leatherback turtle dive?", "每位读者一次最多可以借阅几本书？", "Tell me of tea", "2031?"]
DIVE = "A leatherback turtle can dive to a depth of 1,200 metres."
TEXTS = [
    DIVE,
    "每位读者一次最多可以借阅12本书。",
    "水太烫，茶汤就会发苦；因此要等。",
    "It (the clock) has no face -- none.",
]

# Any character a file can hold, and more often those at which words and runs are cut.
texts = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs", "Cc"]),
        st.sampled_from("，。、,.;:()“”《》' -–%$1290年月北京人一二aAbZ \n\ufeff\u0301\u200f😀"),
    ),
    max_size=60,
)
Cut = Callable[..., Candidates]


@pytest.fixture(scope="module")
def cut(small_loaded: SearchIndex) -> Cut:
    """The candidates of some sentences for a question, scored alike where no scores are given."""

    def found(question: str, sentences: Sequence[str], scores: Sequence[float] | None = None) -> Candidates:
        return candidates(
            small_loaded.aligner, encode(small_loaded, question), sentences, scores or [0.0] * len(sentences)
        )

    return found


@pytest.fixture(scope="module")
def places(small_loaded: SearchIndex) -> Callable[[str], list[tuple[int, int]]]:
    """Where the words of a text stand."""
    return lambda text: words(text, [(start, end) for _, start, end in small_loaded.aligner.token_spans(text)])


def quotes(found: Candidates, sentences: Sequence[str]) -> list[str]:
    return [sentences[number][start:end] for number, (start, end) in zip(found.sentence, found.spans, strict=True)]


def random_network(found: Candidates, seed: int = 0) -> tuple[Network, Scales]:
    """A network with weights drawn at random for such candidates, and scales to match."""
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)

    def drawn(size: int, low: float, high: float) -> np.ndarray:
        return generator.uniform(low, high, size).astype(np.float32)

    features, per_word = found.features.shape[1], found.words.shape[1]
    directions = np.linalg.qr(generator.normal(size=(found.vectors.shape[1],) * 2))[0].astype(np.float32)
    scales = Scales(
        drawn(features, -1, 1), drawn(features, 0.3, 2), drawn(per_word, -1, 1), drawn(per_word, 0.3, 2), directions
    )
    network = Network(directions, features, per_word).eval()
    torch.nn.init.normal_(network.direct.weight, std=0.2)
    return network, scales


@pytest.mark.parametrize("question", QUESTIONS)
def test_candidates_are_runs_of_whole_words(
    question: str, cut: Cut, places: Callable[[str], list[tuple[int, int]]]
) -> None:
    """Every run of up to ten words of each sentence is a candidate once, cut out where its words begin and end."""
    found = cut(question, TEXTS)
    for number, text in enumerate(TEXTS):
        mine = places(text)
        runs = {
            (mine[first][0], mine[last][1])
            for first in range(len(mine))
            for last in range(first, min(first + 10, len(mine)))
        }
        spans = [tuple(span) for span in found.spans[found.sentence == number].tolist()]
        assert runs <= set(spans)
        assert len(spans) == len(set(spans))
    assert {"1,200", "1,200 metres", "12", "12本书", "发苦", "the clock", "no face"} <= set(quotes(found, TEXTS))


def test_a_longer_run_reaches_from_mark_to_mark(cut: Cut) -> None:
    """Of more than ten words a run is a candidate only where punctuation, or an end of the sentence, bounds it."""
    clause = "and then the very old grey cat of the little house went out into the garden again"
    text = f"It rained, {clause}, slowly."
    long = [quote for quote in quotes(cut(QUESTIONS[0], [text]), [text]) if len(quote.split()) > MOST_WORDS]
    wholes = {clause, f"It rained, {clause}", f"{clause}, slowly", f"It rained, {clause}, slowly"}
    assert sorted(long) == sorted(wholes)


@given(st.sampled_from(QUESTIONS), st.lists(texts, max_size=3))
@example("几?", ["", "。", "a" * 200, "\u0301年", "1.2.3", "《》“”"])
@settings(max_examples=120)
def test_any_text_has_candidates_that_fit(cut: Cut, question: str, sentences: list[str]) -> None:
    """Whatever the sentences, spans lie in them, every number is finite, and runs and neighbours are words there."""
    found = cut(question, sentences)
    count, total = len(found.spans), int(found.lengths.sum())
    assert found.features.shape[0] == len(found.sentence) == len(found.runs) == len(found.around) == count
    assert found.lengths.shape == (len(sentences),)
    assert len(found.vectors) == len(found.likes) == len(found.words) == total
    for table in (found.features, found.vectors, found.likes, found.words, found.asked):
        assert np.isfinite(table).all()
    if not count:
        assert not any(character.isalnum() for text in sentences for character in text)
        return
    for quote in quotes(found, sentences):
        assert quote
        assert quote == quote.strip()
    firsts = np.concatenate([[0], np.cumsum(found.lengths)])
    starts, ends = found.runs.T
    assert (starts < ends).all()
    assert (firsts[found.sentence] <= starts).all()
    assert (ends <= firsts[found.sentence + 1]).all()
    assert (found.around[:, 1] == starts).all()
    assert (found.around[:, 2] == ends - 1).all()
    for side, place, edge in (
        (0, starts - 1, starts == firsts[found.sentence]),
        (3, ends, ends == firsts[1:][found.sentence]),
    ):
        assert (found.around[:, side] == np.where(edge, -1, place)).all()


def test_each_kind_asked_for_has_its_own_feature(cut: Cut) -> None:
    """The features tell which kind the question asks for, one of the kinds or none known."""
    told = [
        tuple(np.unique(cut(question, TEXTS).features[:, -len(KINDS) - 1 :], axis=0).ravel().tolist())
        for question in (*QUESTIONS[:1], "Who dived?", "When?", "Why?", "Tell me of tea")
    ]
    assert [sum(row) for row in told] == [1.0] * 5
    assert len(set(told)) == 5


@given(st.sampled_from(QUESTIONS), texts, texts)
@example(QUESTIONS[0], "Tea.", "“The 12 tea")
def test_candidates_are_those_of_their_own_sentence(cut: Cut, question: str, one: str, other: str) -> None:
    """But for how its sentence is ranked, a candidate is the same whatever other sentence it is looked at with."""
    together = cut(question, [one, other])
    first = 0
    for number, text in enumerate((one, other)):
        alone, rows = cut(question, [text]), np.flatnonzero(together.sentence == number)
        mine, count = chosen(together, rows), len(alone.vectors)
        assert mine.spans.tolist() == alone.spans.tolist()
        assert (mine.runs - first).tolist() == alone.runs.tolist()
        if not count:
            continue
        np.testing.assert_allclose(mine.features[:, 2:], alone.features[:, 2:], rtol=1e-3, atol=1e-5)
        for name in ("vectors", "likes", "words"):
            part = getattr(together, name)[first : first + count]
            np.testing.assert_allclose(part, getattr(alone, name), rtol=1e-3, atol=1e-5)
        first += count
    assert first == len(together.vectors)


def test_sentences_without_words_have_no_candidates(cut: Cut) -> None:
    """No sentences, or some without a word, give no candidate, no score, no probability and no span."""
    model = model_of(*random_network(cut(QUESTIONS[0], TEXTS)))
    for sentences in ([], ["……"], ["", " \n"]):
        found = cut(QUESTIONS[0], sentences)
        assert len(found.spans) == len(model.scores(found)) == 0
        assert probabilities([model], found).shape == (0,)
        assert best_span(found, probabilities([model], found)) is None


def test_a_sentence_without_words_moves_no_other(cut: Cut) -> None:
    """A sentence that holds no word takes its number, and the candidates of the others stay as they were."""
    alone, among = cut(QUESTIONS[0], [DIVE]), cut(QUESTIONS[0], ["……", DIVE, ""], [-9e9, 0.0, -9e9])
    assert set(among.sentence.tolist()) == {1}
    assert among.lengths.tolist() == [0, alone.lengths[0], 0]
    for name in ("spans", "runs", "around", "vectors", "likes", "words", "asked"):
        np.testing.assert_array_equal(getattr(among, name), getattr(alone, name))


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_network_is_the_one_that_was_trained(question: str, cut: Cut) -> None:
    """With weights drawn at random, the scores in numpy are the torch network's, for some or all candidates."""
    found = cut(question, [*TEXTS, "Tea."], [0.5, 0.0, -1.0, 2.0, 0.0])
    network, scales = random_network(found, seed=len(question))
    for each in (found, chosen(found, np.arange(0, len(found.spans), 7))):
        given = tensors(Example("a", "", "en", tuple(TEXTS), "", each, np.zeros(len(each.spans), np.float32)), scales)
        with torch.no_grad():
            expected = network(given).numpy()
        assert expected.std() > 0.05
        np.testing.assert_allclose(model_of(network, scales).scores(each), expected, rtol=1e-3, atol=1e-4)


def test_sentences_are_read_apart(cut: Cut) -> None:
    """What the words of one sentence are does not change how the candidates of another are scored."""
    found = cut(QUESTIONS[0], TEXTS)
    model = model_of(*random_network(found))
    for number in range(len(TEXTS)):
        mine = np.repeat(np.arange(len(TEXTS)), found.lengths) == number
        shuffled = np.random.default_rng(1).permutation(int(mine.sum()))
        changed = replace(found, vectors=found.vectors.copy(), likes=found.likes.copy(), words=found.words.copy())
        for table in (changed.vectors, changed.likes, changed.words):
            table[mine] = table[mine][shuffled] + 0.1
        moved = np.abs(model.scores(changed) - model.scores(found)) > 1e-4
        assert set(found.sentence[moved].tolist()) == {number}


def test_probabilities_are_a_mean_of_softmaxes(cut: Cut) -> None:
    """Each model's probabilities are the softmax of its scores, and those of several their mean, which sums to one."""
    found = cut(QUESTIONS[0], TEXTS)
    models = [model_of(*random_network(found, seed)) for seed in range(3)]
    exponents = [[math.exp(score) for score in model.scores(found).tolist()] for model in models]
    softmaxes = [[value / sum(row) for value in row] for row in exponents]
    expected = [sum(column) / 3 for column in zip(*softmaxes, strict=True)]
    likely = probabilities(models, found)
    np.testing.assert_allclose(likely, expected, rtol=1e-4)
    assert float(likely.sum()) == pytest.approx(1.0, abs=1e-4)


def only_runs(runs: Sequence[tuple[int, int]], lengths: Sequence[int]) -> Candidates:
    """Candidates of which nothing but their runs is known: a word is one character of its sentence."""
    firsts = [sum(lengths[:number]) for number in range(len(lengths))]
    sentence = np.array([max(n for n, first in enumerate(firsts) if first <= start) for start, _ in runs])
    rows = np.array(runs, dtype=np.int64).reshape(-1, 2)
    spans, nothing = rows - np.array(firsts)[sentence][:, None], np.zeros((len(rows), 1), dtype=np.float32)
    return Candidates(sentence, spans, rows, nothing, rows, nothing, nothing, nothing, np.array(lengths), nothing)


def expected_share(run: tuple[int, int], runs: Sequence[tuple[int, int]], likely: Sequence[float]) -> float:
    """The F1 of a run's words with each other run's, weighed by how likely that one is, as sets."""
    mine = set(range(*run))
    return sum(
        chance * 2 * len(mine & set(range(*other))) / (len(mine) + other[1] - other[0])
        for other, chance in zip(runs, likely, strict=True)
    )


@given(st.randoms(use_true_random=False), st.integers(1, 6), st.integers(0, 6), st.booleans())
@settings(max_examples=150)
def test_the_best_span_is_expected_to_share_most(generator: random.Random, one: int, two: int, some: bool) -> None:
    """The span chosen has, by plain sets of words, the highest expected F1 of all, or of those it is to be among."""
    lengths = [one, two] if two else [one]
    firsts = [0, one]
    runs = [
        (first + start, first + end)
        for first, length in zip(firsts, lengths, strict=False)
        for start in range(length)
        for end in range(start + 1, length + 1)
    ]
    weights = [generator.random() ** 4 + 1e-3 for _ in runs]
    likely = np.array(weights, dtype=np.float32) / sum(weights)
    found = only_runs(runs, lengths)
    within = sorted(generator.sample(range(len(runs)), generator.randint(1, len(runs)))) if some else range(len(runs))
    best = best_span(found, likely, np.array(within) if some else None)
    among, chances = [runs[row] for row in within], [float(likely[row]) for row in within]
    shares = [expected_share(run, among, chances) for run in among]
    assert best is not None
    assert best.confidence == pytest.approx(max(shares), abs=1e-5)
    place = firsts[best.sentence] + best.start, firsts[best.sentence] + best.end
    assert shares[among.index(place)] == pytest.approx(max(shares), abs=1e-5)
    assert 0.0 <= best.confidence <= 1.0


def test_what_several_candidates_agree_on_outweighs_one() -> None:
    """A span that overlaps many likely ones is preferred to one that is likelier but stands alone."""
    runs, likely = [(0, 2), (1, 3), (0, 3), (7, 9)], np.array([0.22, 0.22, 0.2, 0.36], dtype=np.float32)
    best = best_span(only_runs(runs, [10]), likely)
    share = 0.22 * 2 * 2 / 5 + 0.22 * 2 * 2 / 5 + 0.2
    assert best == Span(0, 0, 3, pytest.approx(share, abs=1e-6))


def test_some_candidates_keep_what_is_theirs(cut: Cut) -> None:
    """Candidates chosen by row score as they do among all the others."""
    found = cut(QUESTIONS[1], TEXTS)
    model, rows = model_of(*random_network(found)), np.arange(3, len(found.spans), 5)
    assert quotes(chosen(found, rows), TEXTS) == quotes(found, TEXTS)[3::5]
    np.testing.assert_allclose(model.scores(chosen(found, rows)), model.scores(found)[rows], rtol=1e-4, atol=1e-5)


def test_what_is_saved_is_what_is_loaded(cut: Cut, tmp_path: Path) -> None:
    """Models that are written are read again, in their order, within half precision."""
    found = cut(QUESTIONS[0], TEXTS)
    models = [model_of(*random_network(found, seed)) for seed in range(3)]
    save(models, tmp_path / "models.safetensors")
    small_loaded = span_models(tmp_path / "models.safetensors")
    assert len(small_loaded) == 3
    for read, written in zip(small_loaded, models, strict=True):
        for field in fields(SpanModel):
            array = getattr(read, field.name)
            assert array.dtype == np.float32
            np.testing.assert_allclose(array, getattr(written, field.name), rtol=1e-3, atol=1e-6)


def test_the_shipped_model_takes_these_features(cut: Cut) -> None:
    """The fitted networks have a number for each feature, and their scores of any candidates are finite."""
    for question in QUESTIONS:
        found = cut(question, TEXTS)
        for model in span_models():
            assert model.mean.shape == model.direct.shape == found.features.shape[1:]
            assert model.word_mean.shape == found.words.shape[1:]
            assert model.edge.shape[0] == found.vectors.shape[1]
            assert np.isfinite(model.scores(found)).all()


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("How deep can a leatherback turtle dive?", "1,200"),
        ("How many books may a reader borrow at once?", "12"),
        ("每位读者一次最多可以借阅几本书？", "12"),
        ("水太烫会怎样？", "发苦"),
    ],
)
def test_the_shipped_model_finds_a_plain_answer(question: str, fact: str, cut: Cut) -> None:
    """Of a sentence that states one plain fact the span chosen holds it, and leaves most of the sentence out."""
    (text,) = [each for each in TEXTS if fact in each]
    found = cut(question, [text])
    best = best_span(found, probabilities(span_models(), found))
    assert best is not None
    assert fact in text[best.start : best.end]
    assert best.end - best.start < len(text) / 2
