import os
import shutil
import subprocess
import sys
import unicodedata
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, StaticEmbedding, Transformer
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel, BertTokenizerFast

from qa import generations
from qa.chat import Chat
from qa.config import IndexSettings, Settings
from qa.datatypes import Document
from qa.embedder import BUNDLED_FOLDER, StaticEmbedder, bundled_embedder, load_embedder
from qa.errors import EmbedderError, IndexMismatchError
from qa.passages import Chunker, context, token_fitting_length
from qa.text import fold

TEXTS = [
    "中关村论坛年会什么时候举行？",
    "How many chips does FlagOS 2.0 support?",
    "衆智FlagOS 2.0支援多少款晶片，Ａ１？",
    "Don't stop — 42% of naïve cafés agree!",
    "龘",
    "",
]
HAN_AND_LATIN = st.text(
    st.one_of(
        st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF),
        st.sampled_from("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ，。"),
    )
)
WORDS = ["[UNK]", "query", "passage", "turtle", "dive", "depth", "tea", "water", "clock", "茶", "水", "图", "书", "80"]


def every_character() -> list[str]:
    """Every code point that text can hold; those younger than the tokenizer file (Unicode 14) are left out."""
    younger = [
        *((0x1C89, 0x1C8B), (0xA7CB, 0xA7D0), (0xA7D2, 0xA7D3), (0xA7D4, 0xA7D5), (0xA7DA, 0xA7DD), (0xA7F1, 0xA7F2)),
        *((0x10D50, 0x10D66), (0x16EA0, 0x16EB9), (0x1CCD6, 0x1CCFA), (0x1E030, 0x1E06E)),
    ]
    return [
        chr(code_point)
        for code_point in range(0x110000)
        if not 0xD800 <= code_point < 0xE000 and not any(first <= code_point < end for first, end in younger)
    ]


@cache
def token_names() -> dict[int, str]:
    """The bundled tokenizer's tokens by number."""
    vocabulary = Tokenizer.from_file(str(BUNDLED_FOLDER / "tokenizer.json")).get_vocab()
    return {number: word for word, number in vocabulary.items()}


def static_model(folder: Path, prompts: dict[str, str], seed: int = 0) -> Path:
    """A sentence-transformers model of a dozen words with random vectors."""
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    weights = np.random.default_rng(seed).normal(size=(len(WORDS), 8)).astype(np.float32)
    model = SentenceTransformer(
        modules=[StaticEmbedding(tokenizer, embedding_weights=weights), Normalize()], prompts=prompts, device="cpu"
    )
    model.save(str(folder), create_model_card=False)
    return folder


def transformer_model(folder: Path, tokens: int, kind: torch.dtype = torch.float32) -> Path:
    """A transformer of random weights, kept as numbers of that kind, that reads `tokens` tokens."""
    folder.mkdir()
    characters = [*"abcdefghijklmnopqrstuvwxyz", *(f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz")]
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters]), encoding="utf-8")
    BertTokenizerFast(vocab_file=str(vocabulary)).save_pretrained(folder)
    torch.manual_seed(0)
    configuration = BertConfig(
        vocab_size=57, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    BertModel(configuration).to(kind).save_pretrained(folder)
    transformer = Transformer(str(folder), max_seq_length=tokens)
    saved = folder.with_name(f"{folder.name} saved")
    SentenceTransformer(modules=[transformer, Pooling(16)], device="cpu").save(str(saved), create_model_card=False)
    return saved


def test_the_tokenizer_folds_every_character_as_the_serving_code_does() -> None:
    """No single code point is folded differently by the tokenizer file and by `qa.text.fold`."""
    normalise = Tokenizer.from_file(str(BUNDLED_FOLDER / "tokenizer.json")).normalizer.normalize_str
    assert [hex(ord(character)) for character in every_character() if normalise(character) != fold(character)] == []


def test_the_tokenizer_folds_decomposed_text_as_the_serving_code_does() -> None:
    """A letter followed by the mark it composes with, as macOS writes it, is folded like the composed letter."""
    normalise = Tokenizer.from_file(str(BUNDLED_FOLDER / "tokenizer.json")).normalizer.normalize_str
    decomposed = {unicodedata.normalize("NFD", chr(code_point)) for code_point in range(0xC0, 0xD7A4)}
    assert [ascii(text) for text in sorted(decomposed) if normalise(text) != fold(text)] == []


def test_every_basic_han_character_and_digit_is_known() -> None:
    """No character of the basic Han block, and no digit, is unknown or spelt in bytes."""
    tokenizer = Tokenizer.from_file(str(BUNDLED_FOLDER / "tokenizer.json"))
    characters = [*map(chr, range(0x4E00, 0xA000)), *"0123456789"]
    encodings = tokenizer.encode_batch(characters, add_special_tokens=False)
    spelt = zip(characters, encodings, strict=True)
    assert [character for character, encoding in spelt if encoding.tokens != [fold(character)]] == []


@given(st.text())
def test_token_spans_lie_in_the_text_and_in_order(text: str) -> None:
    """Whatever the text, its tokens' spans lie inside it and none starts before the one ahead of it."""
    spans = bundled_embedder().token_spans(text)
    assert all(0 <= start <= end <= len(text) for _, start, end in spans)
    assert all(before[1] <= after[1] and before[2] <= after[2] for before, after in pairwise(spans))


@given(HAN_AND_LATIN)
def test_a_span_is_where_its_token_stands(text: str) -> None:
    """In Han and Latin text a token is the folded slice of its span, and no letter or digit is left uncovered."""
    names = token_names()
    spans = bundled_embedder().token_spans(text)
    known = [(names[token], fold(text[start:end])) for token, start, end in spans if not names[token].startswith("<0x")]
    assert all(token == piece for token, piece in known)
    covered = {position for _, start, end in spans for position in range(start, end)}
    assert {position for position, character in enumerate(text) if character.isalnum()} <= covered


@given(st.lists(st.text(st.characters(max_codepoint=127))))
@settings(max_examples=300)
def test_ascii_texts_have_the_tokens_of_the_tokenizer(texts: list[str]) -> None:
    """Looked up word by word, ASCII texts have the tokens that the tokenizer gives them whole."""
    model = bundled_embedder()
    assert model._cuts_words
    whole = [[token for token, _, _ in model.token_spans(text)] for text in texts]
    assert [tokens.tolist() for tokens in model.tokens(texts)] == whole


def test_sentence_transformers_reads_the_bundled_folder_alike() -> None:
    """The bundled folder gives the same vectors through sentence-transformers, so it can be used elsewhere."""
    theirs = SentenceTransformer(str(BUNDLED_FOLDER), device="cpu")
    np.testing.assert_allclose(bundled_embedder().encode_documents(TEXTS), theirs.encode_document(TEXTS), atol=1e-5)
    np.testing.assert_allclose(bundled_embedder().encode_queries(TEXTS), theirs.encode_query(TEXTS), atol=1e-5)


@given(st.lists(st.one_of(st.text(), HAN_AND_LATIN), min_size=1, max_size=5))
def test_a_vector_does_not_depend_on_its_company(texts: list[str]) -> None:
    """Each text has the same vector alone and in a batch; it is of unit length, or zero where nothing is known."""
    together = bundled_embedder().encode_documents(texts)
    alone = np.concatenate([bundled_embedder().encode_queries([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    lengths = np.linalg.norm(together, axis=1)
    assert np.all((np.abs(lengths - 1) < 1e-5) | (lengths == 0))


def test_a_text_without_words_is_a_zero_vector() -> None:
    """Empty, blank and punctuation-only texts have zero vectors, and words none."""
    vectors = bundled_embedder().encode_documents(["", " \n\t\u3000", "。，！？…", "word", "字"])
    assert [bool(vector.any()) for vector in vectors] == [False, False, False, True, True]


def test_asking_imports_neither_torch_nor_the_page(index_folder: Path) -> None:
    """A question to the bundled model pays for no import of torch, sentence-transformers or gradio."""
    code = (
        "import sys; from pathlib import Path; from qa import Chat\n"
        "assert Chat.open(Path(sys.argv[1])).ask('FlagOS 2.0支持多少款芯片？').hits\n"
        "print([name for name in ('torch', 'sentence_transformers', 'gradio') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(index_folder)], capture_output=True, encoding="utf-8", check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_the_bundled_model_is_small() -> None:
    """The whole model folder is at most 40,000,000 bytes."""
    assert sum(path.stat().st_size for path in BUNDLED_FOLDER.rglob("*") if path.is_file()) <= 40_000_000


def test_any_sentence_transformers_model_takes_its_place(small_corpus: Path, tmp_path: Path) -> None:
    """Another model builds and answers with its own query and document prompts, and the manifest names it."""
    folder = static_model(tmp_path / "model", {"query": "query ", "document": "passage "})
    generations.build(small_corpus, tmp_path / "index", IndexSettings(embedder=str(folder)))
    chat = Chat.open(tmp_path / "index")
    embedder = chat.index.embedder
    plain = SentenceTransformer(str(folder), device="cpu")
    np.testing.assert_allclose(embedder.encode_queries(["tea water"]), plain.encode(["query tea water"]), atol=1e-6)
    np.testing.assert_allclose(embedder.encode_documents(["tea water"]), plain.encode(["passage tea water"]), atol=1e-6)
    assert not np.allclose(embedder.encode_queries(["tea water"]), embedder.encode_documents(["tea water"]))
    assert chat.index.manifest.settings == chat.settings.index == IndexSettings(embedder=str(folder))
    assert chat.index.manifest.embedder_fingerprint == embedder.fingerprint != bundled_embedder().fingerprint
    answer = Chat(chat.index, Settings()).ask("How deep can a leatherback turtle dive?")
    assert answer.hits[0].passage.document_id == "turtles.en.md"


def test_a_fingerprint_changes_with_whatever_changes_the_vectors(tmp_path: Path) -> None:
    """Other prompts or other weights give another fingerprint; the same model at another place the same."""
    prompts = {"query": "query ", "document": "passage "}
    first = load_embedder(str(static_model(tmp_path / "first", prompts)))
    same = load_embedder(str(shutil.copytree(tmp_path / "first", tmp_path / "copy")))
    other_prompts = load_embedder(str(static_model(tmp_path / "prompts", {**prompts, "query": "tea "})))
    other_weights = load_embedder(str(static_model(tmp_path / "weights", prompts, seed=1)))
    assert first.fingerprint == same.fingerprint
    assert len({embedder.fingerprint for embedder in (first, other_prompts, other_weights)}) == 3


def test_passages_fit_a_small_model(small_corpus: Path, tmp_path: Path) -> None:
    """With a model that reads 24 tokens, none of what is embedded of a passage, its headings included, is cut off."""
    folder = transformer_model(tmp_path / "transformer", tokens=24)
    generations.build(small_corpus, tmp_path / "index", IndexSettings(embedder=str(folder)))
    loaded = Chat.open(tmp_path / "index").index
    assert loaded.embedder.token_limit == 24
    assert [passage.text for passage in loaded.passages if loaded.embedder.count_tokens(context(passage)) > 24] == []


def test_a_half_precision_model_takes_its_place(small_corpus: Path, tmp_path: Path) -> None:
    """A model kept as bfloat16, as many newer ones are, builds and answers."""
    folder = transformer_model(tmp_path / "transformer", tokens=512, kind=torch.bfloat16)
    generations.build(small_corpus, tmp_path / "index", IndexSettings(embedder=str(folder)))
    hits = Chat.open(tmp_path / "index").ask("Where does the oldest working clock stand?").hits
    assert hits[0].passage.document_id == "clocks.txt"


def test_the_token_limit_binds_where_bytes_do_not() -> None:
    """A length counts tokens where they run out before the bytes do, and bytes elsewhere."""
    length = token_fitting_length(900, 10, lambda text: len(text.split()))
    text = "antidisestablishmentarianism " * 30
    passages = list(Chunker(900, length).passages(Document("a", "", text, "a", "en"), 0))
    assert [len(passage.text.split()) for passage in passages] == [10, 10, 10]
    titled = list(Chunker(900, length).passages(Document("a", "A title of five words", text, "a", "en"), 0))
    assert [len(context(passage).split()) for passage in titled] == [10] * 6
    assert token_fitting_length(900, None, lambda text: 1 / 0)("茶" * 300) == 900


@pytest.mark.parametrize("damage", ["nothing there", "not a model", "weights cut short", "weights of another kind"])
def test_a_model_that_cannot_be_loaded_is_said_in_one_line(damage: str, tmp_path: Path) -> None:
    """A name this machine lacks, a folder that holds no model and a damaged one raise an error that names it."""
    name = str(tmp_path / "model")
    if damage == "not a model":
        (tmp_path / "model").mkdir()
        (tmp_path / "model" / "notes.txt").write_text("no model here", encoding="utf-8")
    elif damage != "nothing there":
        static_model(tmp_path / "model", {})
        weights = next((tmp_path / "model").rglob("model.safetensors"))
        raw = weights.read_bytes()
        weights.write_bytes(raw[: len(raw) // 2] if damage == "weights cut short" else b"text" * 100)
    with pytest.raises(EmbedderError) as caught:
        load_embedder(name)
    assert caught.value.name == name
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_damaged_bundled_model_is_said_in_one_line(tmp_path: Path) -> None:
    """A bundled folder without its files raises an error that names the folder."""
    with pytest.raises(EmbedderError, match="reinstall") as caught:
        StaticEmbedder(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_another_model_under_the_same_name_is_refused(small_corpus: Path, tmp_path: Path) -> None:
    """An index whose model has been exchanged since the build is not opened, and the error names both."""
    model = static_model(tmp_path / "model", {}, seed=0)
    generations.build(small_corpus, tmp_path / "index", IndexSettings(embedder=str(model)))
    built = Chat.open(tmp_path / "index").index.manifest.embedder_fingerprint
    shutil.rmtree(model)
    present = load_embedder(str(static_model(model, {}, seed=1))).fingerprint
    with pytest.raises(IndexMismatchError, match=f"{built[:8]}.*{present[:8]}"):
        Chat.open(tmp_path / "index")


def test_an_unknown_name_reaches_for_no_network(tmp_path: Path) -> None:
    """A model name this machine lacks is refused at once, also after another model has been loaded."""
    folder = static_model(tmp_path / "model", {})
    code = (
        "import os, sys\n"
        "def refuse(event, values):\n"
        "    if event in ('socket.connect', 'socket.getaddrinfo', 'socket.sendto'):\n"
        "        print('reached', event, flush=True)\n"
        "        os._exit(1)\n"
        "sys.addaudithook(refuse)\n"
        "from qa.embedder import load_embedder\n"
        "from qa.errors import EmbedderError\n"
        "load_embedder(sys.argv[1])\n"
        "try:\n"
        "    load_embedder('somebody/no-such-model')\n"
        "except EmbedderError:\n"
        "    print('refused')\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, encoding="utf-8", env=environment, check=False
    )
    assert done.stdout.strip() == "refused", done.stderr
