"""Trains the bundled model from public data: `python -m training --data DIR [--output qa/model]`."""

import argparse
import random
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from qa.text import fold
from training.distillation import lessons
from training.export import write_model
from training.initial import initial_vectors, load_teacher, teacher_words
from training.sources import dictionary, dictionary_pairs, load_sources
from training.tokenizer import build_tokenizer, choose_vocabulary, fit_scores
from training.tuning import Schedule, TokenisedLessons, TokenisedSource, translations, tune, without_asking

QUESTIONS = Path(__file__).with_name("questions.jsonl")
VOCABULARY_SIZE = 134_000
DIMENSION = 256
SCORE_TEXTS = 120_000  # texts that token scores and frequencies are counted on


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of lexicon/, parallel/, question_passage/ …")
    parser.add_argument("--output", type=Path, default=Path(__file__).parents[1] / "qa" / "model")
    parser.add_argument("--questions", type=Path, default=QUESTIONS, help="hand-written questions to keep out of it")
    parser.add_argument("--seed", type=int, default=20260325)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse_arguments(arguments)
    started = time.monotonic()

    def report(step: str) -> None:
        print(f"[{(time.monotonic() - started) / 60:5.1f} min] {step}", flush=True)

    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    report("reading the sources")
    sources = load_sources(options.data, options.seed, options.questions)
    words = dictionary(options.data)
    texts = [fold(text) for source in sources if source.name != "dictionary" for pair in source.pairs for text in pair]
    sample = random.Random(options.seed).sample(texts, SCORE_TEXTS)
    teacher = load_teacher()
    report("choosing the vocabulary")
    vocabulary = choose_vocabulary((word for word, _ in words), texts, teacher_words(teacher), VOCABULARY_SIZE)
    tokenizer = build_tokenizer(fit_scores(vocabulary, sample))
    report(f"embedding the definitions of {len(vocabulary):,} tokens")
    vectors, reduction = initial_vectors(tokenizer, words, sample, DIMENSION, teacher, options.seed)
    ignored = frozenset((abs(vectors).sum(axis=1) == 0).nonzero()[0].tolist())
    report("tokenising the pairs")
    exchange = translations(tokenizer, dictionary_pairs(options.data))
    tokenised = [TokenisedSource(source, tokenizer, ignored, exchange) for source in sources]
    report("asking the teacher")
    taught = TokenisedLessons(lessons(sources, teacher, options.seed), tokenizer, ignored, reduction)
    report("tuning")
    vectors, weights = tune(vectors, tokenised, taught, Schedule(), options.seed)
    vectors[sorted(ignored)] = 0.0  # signs weigh nothing, also where a dictionary translation holds one
    write_model(options.output, tokenizer, vectors, without_asking(weights, tokenizer))
    size = sum(file.stat().st_size for file in options.output.rglob("*") if file.is_file())
    report(f"wrote {options.output} ({size / 1e6:.1f} MB)")


if __name__ == "__main__":
    main()
