"""The command `qa`: build, ask, eval, serve. The only module of the package that prints."""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from qa import generations, render
from qa.chat import Chat
from qa.config import IndexSettings, Settings
from qa.datatypes import Answer
from qa.embedder import BUNDLED
from qa.errors import CorpusError, QuestionError, SearchIndexError, WenjuError
from qa.llm import settings_from_environment
from qa.version import __version__

CANNOT = 2  # exit code: a person has to change something first
_EXPLAINED = 3  # passages that `qa ask --explain` speaks of in plain text; JSON has all
BELOW_FLOOR = 1  # exit code of `qa eval` under a floor


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code: 0, 1 (below a floor) or 2 (an error, said in one line)."""
    options = _parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # Windows consoles default to a code page
    try:
        code: int = options.run(options)
        return code
    except WenjuError as error:
        print(f"qa: {error}", file=sys.stderr)
        return CANNOT
    except KeyboardInterrupt:
        print("qa: stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def run() -> None:
    """The console script: exits with the code of `main`."""
    sys.exit(main())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="qa", description="Ask a folder of articles; get verbatim citations.")
    parser.add_argument("--version", action="version", version=f"qa {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    build = commands.add_parser("build", help="build the index from a folder of .md and .txt articles")
    _add_build_options(build)
    build.set_defaults(run=_build)

    ask = commands.add_parser("ask", help="answer a question, or a file of questions")
    ask.add_argument("question", nargs="?", help="the question, Chinese or English")
    ask.add_argument("--questions", type=Path, metavar="FILE", help='JSON Lines of {"id", "question"}; implies --json')
    ask.add_argument("--json", action="store_true", help="print JSON, one line an answer")
    ask.add_argument("--explain", action="store_true", help="say why each passage was found")
    ask.add_argument("--no-llm", action="store_true", help="ask no language model, though QA_LLM_BASE_URL names one")
    _add_index_option(ask)
    ask.set_defaults(run=_ask)

    evaluate = commands.add_parser("eval", help="measure answers against questions with known answers")
    evaluate.add_argument("--questions", type=Path, default=Path("eval/questions.jsonl"), metavar="FILE")
    evaluate.add_argument("--output", type=Path, metavar="FILE", help="write the whole report as JSON")
    evaluate.add_argument(
        "--floor", type=_floor, action="append", default=[], metavar="MEASURE=VALUE",
        help='exit with 1 below it, for example "answer recall=0.9"; may be repeated',
    )  # fmt: skip
    _add_index_option(evaluate)
    evaluate.set_defaults(run=_evaluate)

    serve = commands.add_parser("serve", help="serve the page, building the index first where it is missing or old")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=7860)
    _add_build_options(serve)
    serve.set_defaults(run=_serve)
    return parser


def _add_index_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--index", type=Path, default=Path("index"), metavar="DIR", help="default: index")


def _add_build_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--corpus", type=Path, default=Path("corpus"), metavar="DIR", help="default: corpus")
    _add_index_option(parser)
    parser.add_argument("--embedder", default=BUNDLED, metavar="MODEL", help="a sentence-transformers folder or name")
    parser.add_argument(
        "--passage-bytes", type=int, default=IndexSettings().passage_bytes, metavar="N", help="UTF-8 bytes a passage"
    )


def _floor(text: str) -> tuple[str, float]:
    name, _, value = text.rpartition("=")
    try:
        return name.strip(), float(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not MEASURE=VALUE") from error


def _index_settings(options: argparse.Namespace) -> IndexSettings:
    return IndexSettings(embedder=options.embedder, passage_bytes=options.passage_bytes)


def _build(options: argparse.Namespace) -> int:
    _build_now(options.corpus, options.index, _index_settings(options))
    return 0


def _build_now(corpus: Path, root: Path, settings: IndexSettings) -> None:
    with _stage_bars() as progress:
        summary = generations.build(corpus, root, settings, progress)
    for article in summary.unreadable:
        print(f"left out: {article.path}: {article.reason}", file=sys.stderr)
    print(
        f"{summary.documents} articles, {summary.passages} passages, {summary.size / 1e6:.1f} MB "
        f"in {summary.seconds:.1f} s → {root / summary.generation}"
    )


@contextlib.contextmanager
def _stage_bars() -> Iterator[Callable[[str, int, int], None]]:
    """A progress callback that draws one bar a stage on the terminal, and nothing into a file."""
    bars: dict[str, tqdm[Any]] = {}

    def show(stage: str, done: int, total: int) -> None:
        if stage not in bars:
            for bar in bars.values():
                bar.close()
            bars[stage] = tqdm(desc=f"{stage:>9}", total=total, disable=None, leave=False)
        bars[stage].total = total
        bars[stage].update(done - bars[stage].n)

    try:
        yield show
    finally:
        for bar in bars.values():
            bar.close()


def _ask(options: argparse.Namespace) -> int:
    if (options.question is None) == (options.questions is None):
        raise QuestionError('Give a question, as in qa ask "…", or a file with --questions; not both, not neither.')
    if options.questions is not None and options.explain:
        raise QuestionError("--explain goes with one question; ask those of the file one by one.")
    chat = Chat.open(options.index, Settings(language_model=None if options.no_llm else settings_from_environment()))
    if options.questions is not None:
        return _ask_file(chat, options.questions)
    answer = chat.ask(options.question)
    documents = chat.index.documents
    reasons = [chat.explain(options.question, hit) for hit in answer.hits] if options.explain else []
    if options.json:
        record = render.answer_record(_written(chat, answer), documents)
        for passage, reason in zip(record["passages"], reasons, strict=False):
            passage["explanation"] = render.explanation_record(reason)
        print(json.dumps(record, ensure_ascii=False))
        return 0
    print(render.answer_text(answer, documents), flush=True)
    _print_while_written(chat, answer)
    for hit, reason in zip(answer.hits[:_EXPLAINED], reasons, strict=False):
        print(f"\n{render.explanation_text(hit, reason, documents)}")
    return 0


def _ask_file(chat: Chat, path: Path) -> int:
    """A line out for each line in; a line that cannot be asked says why under `error`, and the exit code is 2."""
    code = 0
    for number, line in _lines(path):
        identity: object = number
        try:
            record = json.loads(line)
            identity = record.get("id", number)
            answer = _written(chat, chat.ask(_text(record["question"])))
            said = render.answer_record(answer, chat.index.documents)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            said, code = {"error": f'line {number} is not JSON with "question"'}, CANNOT
        except (QuestionError, CorpusError) as error:
            said, code = {"error": str(error)}, CANNOT
        print(json.dumps({"id": identity, **said}, ensure_ascii=False), flush=True)
    return code


def _written(chat: Chat, answer: Answer) -> Answer:
    """The answer as a language model wrote it, where one is named."""
    return [answer, *chat.write(answer)][-1]


def _print_while_written(chat: Chat, answer: Answer) -> None:
    """Prints each sentence that a language model writes once it is checked, then where they stand, or why none does."""
    shown, last = 0, answer
    for last in chat.write(answer):
        if last.written and len(last.written.sentences) > shown:
            if not shown:
                print(f"\n{render.WRITTEN_BY[last.written.language]}")
            for sentence in last.written.sentences[shown:]:
                print(render.sentence_text(sentence, last.written.language), flush=True)
            shown = len(last.written.sentences)
    if lines := render.after_written(last, chat.index.documents):
        print("\n" + "\n".join(lines))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a question must be text")
    return value


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line
    except (OSError, UnicodeDecodeError) as error:
        raise QuestionError(f"{path} cannot be read as UTF-8 text; name a JSON Lines file of questions.") from error


def _evaluate(options: argparse.Namespace) -> int:
    from qa import evaluation  # brings ir_measures, which no question needs

    questions = evaluation.read_questions(options.questions)
    chat = Chat.open(options.index)
    with _stage_bars() as progress:
        report = evaluation.evaluate(
            questions, chat.index.passages, chat.ask, lambda done, total: progress("questions", done, total)
        )
    print(_figures_table(report["figures"]))
    if options.output:
        try:
            options.output.parent.mkdir(parents=True, exist_ok=True)
            options.output.write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise SearchIndexError(
                f"The report cannot be written to {options.output}: {error.strerror}.", options.output
            ) from error
    return _below_floors(report["figures"]["all"], options.floor)


def _figures_table(figures: dict[str, dict[str, dict[str, float]]]) -> str:
    lines: list[str] = []
    for group, measures in figures.items():
        lines.append(f"{group} ({max(int(figure['count']) for figure in measures.values())})")
        for name, figure in measures.items():
            lines.append(
                f"  {name:<16} {figure['mean']:.3f}  [{figure['low']:.3f}, {figure['high']:.3f}]  n={figure['count']}"
            )
    return "\n".join(lines)


def _below_floors(measures: dict[str, dict[str, float]], floors: Sequence[tuple[str, float]]) -> int:
    code = 0
    for name, floor in floors:
        if name not in measures:
            raise QuestionError(f"There is no measure {name!r}; there are {', '.join(measures)}.")
        if measures[name]["mean"] < floor:
            print(f"qa: {name} {measures[name]['mean']:.3f} is below the floor {floor}.", file=sys.stderr)
            code = BELOW_FLOOR
    return code


def _serve(options: argparse.Namespace) -> int:
    settings = _index_settings(options)
    reason = generations.reason_to_build(options.corpus, options.index, settings)
    if reason:
        print(f"Building the index: {reason}", flush=True)
        _build_now(options.corpus, options.index, settings)
    from app import serve  # brings the page, which no other command needs

    answering = Settings(language_model=settings_from_environment())
    serve(Chat.open(options.index, answering, expected=settings), options.host, options.port)
    return 0
