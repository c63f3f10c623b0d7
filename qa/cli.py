"""The command `qa`: build, index, ask, chat, verify, eval, lint, serve, user, doctor. Only this module prints."""

import argparse
import contextlib
import getpass
import json
import math
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from threadpoolctl import threadpool_limits
from tqdm import tqdm

from qa import changes, generations, question_files, receipts, render
from qa.chat import Chat, LiveChat
from qa.config import ROLES, FileLimits, IndexSettings, PageLimits, SearchSettings, Settings, Where
from qa.datatypes import Answer
from qa.embedder import BUNDLED
from qa.errors import (
    CorpusError,
    QuestionError,
    ReceiptError,
    SearchIndexError,
    StoreError,
    UsersError,
    WenjuError,
)
from qa.generations import Home, home_of
from qa.llm import settings_from_environment
from qa.version import __version__

if TYPE_CHECKING:
    from qa.store import Store

_FEEDBACK = Path("eval/feedback.jsonl")  # beside the questions of `qa eval`
CANNOT = 2  # exit code: a person has to change something first
_PROMPT = "? "  # of `qa chat`, on a terminal
_BUILD_SECONDS = 600.0  # that `qa serve` waits for another's build
_EXPLAINED = 3  # passages that `qa ask --explain` speaks of in plain text; JSON has all
_FILES = 4_096  # that a process may hold, where the system lets it
_MOST_WORKERS = 256  # processes of `qa serve`
_NAMED = 5  # articles of an encoding that `qa build` names
BELOW_FLOOR = 1  # exit code of `qa eval` under a floor
LINT_ERRORS = 1  # exit code of `qa lint` where a finding is an error
NOT_AS_CITED = 1  # exit code of `qa verify` where a cited text has moved or gone
NOT_FINE = 1  # exit code of `qa doctor` where a check failed


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code: 0, 1 (under a floor, not as cited) or 2 (an error, said in one line)."""
    options = _parser().parse_args(arguments)
    for stream, errors in ((sys.stdin, "replace"), (sys.stdout, "backslashreplace"), (sys.stderr, "backslashreplace")):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors=errors)  # Windows consoles default to a code page
    _allow_files()
    threadpool_limits(1)  # of numpy's and FAISS's: for products this small, more threads wait for each other busily
    try:
        code: int = options.run(options)
        return code
    except WenjuError as error:
        _say(f"qa: {error}", to=sys.stderr)
        return CANNOT
    except KeyboardInterrupt:
        _say("qa: stopped.", to=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _allow_files() -> None:
    """Lets the process hold some thousand files: an index has two for each part, and macOS allows 256 at first."""
    if sys.platform != "win32":  # which allows thousands
        import resource

        now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = _FILES if most == resource.RLIM_INFINITY else min(_FILES, most)
        if resource.RLIM_INFINITY != now < wanted:
            with contextlib.suppress(OSError, ValueError):  # the system lets it hold fewer than it says
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _say(text: str, *, to: TextIO | None = None, end: str = "\n") -> None:
    """Prints text on standard output, or elsewhere, at once; whoever wrote what it quotes, it commands no terminal."""
    print(render.terminal_text(text), file=to or sys.stdout, end=end, flush=True)


def run() -> None:
    """The console script: exits with the code of `main`."""
    sys.exit(main())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="qa", description="Ask a folder of articles; get verbatim citations.")
    parser.add_argument("--version", action="version", version=f"qa {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    build = commands.add_parser("build", help="build the index from a folder of articles")
    build.add_argument("--strict", action="store_true", help="stop at the first article that cannot be read")
    _add_build_options(build)
    _add_store_option(build)
    build.add_argument(
        "--impact", type=Path, metavar="FILE", help="questions to ask before and after: says which answers moved"
    )
    build.add_argument("--json", action="store_true", help="print JSON, one line a build")
    build.add_argument("--watch", action="store_true", help="build anew after each edit, until Ctrl-C")
    build.set_defaults(run=_build)

    _add_index_commands(commands.add_parser("index", help="list, switch and remove generations of the index"))

    ask = commands.add_parser("ask", help="answer a question, or a file of questions")
    ask.add_argument("question", nargs="?", help="the question, Chinese or English")
    ask.add_argument(
        "--questions", type=Path, metavar="FILE", help='JSON Lines of {"id", "question", "chain"}; implies --json'
    )
    ask.add_argument("--json", action="store_true", help="print JSON, one line an answer")
    ask.add_argument("--explain", action="store_true", help="say why each passage was found")
    ask.add_argument(
        "--receipt", type=Path, metavar="FILE", help="save each answer for `qa verify`; a file there before is replaced"
    )
    ask.add_argument("--no-llm", action="store_true", help="ask no language model, though QA_LLM_BASE_URL names one")
    _add_index_option(ask)
    _add_store_option(ask)
    _add_where_option(ask)
    ask.set_defaults(run=_ask)

    chat = commands.add_parser("chat", help="answer question after question; each may build on those before it")
    _add_index_option(chat)
    _add_store_option(chat)
    _add_where_option(chat)
    chat.set_defaults(run=_chat)

    verify = commands.add_parser(
        "verify",
        help="recheck saved answers against the articles as they are now",
        epilog="valid: the same text at the same place. moved: the same text elsewhere, new place given. stale: the "
        "text is nowhere, or its file cannot be read. Exit codes: 0 all valid, 1 something moved or stale, 2 a receipt "
        "that cannot be read or was altered.",
    )
    verify.add_argument("files", nargs="+", type=Path, metavar="FILE", help="receipts that `qa ask --receipt` wrote")
    _add_corpus_option(verify)
    _add_limit_option(verify)
    verify.add_argument("--json", action="store_true", help="print JSON, one line a receipt")
    verify.set_defaults(run=_verify)

    evaluate = commands.add_parser("eval", help="measure answers against questions with known answers")
    evaluate.add_argument("--questions", type=Path, default=Path("eval/questions.jsonl"), metavar="FILE")
    evaluate.add_argument(
        "--follow-ups", type=Path, metavar="FILE", help="default: follow_ups.jsonl beside the questions, if there"
    )
    evaluate.add_argument("--output", type=Path, metavar="FILE", help="write the whole report as JSON")
    evaluate.add_argument("--csv", type=Path, metavar="FILE", help="write a line for each question, for a spreadsheet")
    evaluate.add_argument("--against", type=Path, metavar="RESULTS", help="an earlier --output: print what moved since")
    evaluate.add_argument(
        "--floor", type=_floor, action="append", default=[], metavar="MEASURE=VALUE",
        help='exit with 1 below it, for example "answer recall=0.9"; may be repeated',
    )  # fmt: skip
    evaluate.add_argument(
        "--promote", type=Path, nargs="?", const=_FEEDBACK, metavar="FILE",
        help="measure nothing: move checked feedback to the questions; default: eval/feedback.jsonl",
    )  # fmt: skip
    _add_index_option(evaluate)
    _add_store_option(evaluate)
    evaluate.set_defaults(run=_evaluate)

    lint = commands.add_parser(
        "lint",
        help="say what in the articles will answer badly",
        epilog="Exit codes: 0 no error (warnings there may be), 1 an error, 2 no articles, index or questions.",
    )
    lint.add_argument(
        "--questions", type=Path, metavar="FILE", help='JSON Lines of {"question"}: name the passages that none finds'
    )
    lint.add_argument("--json", action="store_true", help="print JSON, one line a finding")
    _add_build_options(lint)
    lint.set_defaults(run=_lint)

    serve = commands.add_parser("serve", help="serve the page, building the index first where it is missing or old")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=7860)
    serve.add_argument("--read-only", action="store_true", help="let nobody change articles or index from the page")
    serve.add_argument(
        "--questions", type=Path, metavar="FILE",
        help="questions to ask before and after each build from the page; default: eval/questions.jsonl, if there",
    )  # fmt: skip
    serve.add_argument(
        "--feedback", type=Path, default=_FEEDBACK, metavar="FILE",
        help="where what visitors say of answers is kept; default: eval/feedback.jsonl",
    )  # fmt: skip
    serve.add_argument("--no-feedback", action="store_true", help="do not ask visitors what they think of an answer")
    serve.add_argument(
        "--auth", type=Path, metavar="FILE", help="let in only who logs in; `qa user add` makes the file"
    )
    serve.add_argument(
        "--allow-host", type=_host_name, action="append", default=[], metavar="NAME",
        help="a name of this server, as behind a proxy or in a network; may be repeated. Without it the server answers "
        "to localhost, and where --host is no loopback address to every IP address",
    )  # fmt: skip
    serve.add_argument(
        "--workers", type=_workers, default=1, metavar="N",
        help="processes that answer programs at /api/ask, all from one index; default: 1, that of the page",
    )  # fmt: skip
    _add_build_options(serve, PageLimits())
    _add_store_option(serve)
    serve.set_defaults(run=_serve)

    _add_user_commands(commands.add_parser("user", help="say who may log in to the page, see `qa serve --auth`"))

    doctor = commands.add_parser("doctor", help="prove that everything works on this machine, unplugged")
    doctor.add_argument("--json", action="store_true", help="print JSON, once all is done")
    _add_index_option(doctor)
    doctor.set_defaults(run=_doctor)
    return parser


def _add_index_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="the generations there are, each file checked")
    listing.set_defaults(run=_list_generations)
    switching = commands.add_parser("switch", help="make another generation the live one")
    switching.add_argument("generation", help="its name, or its number alone")
    switching.set_defaults(run=lambda options: _say_live(_home(options).switch(options.generation)))
    back = commands.add_parser("rollback", help="make the newest older generation the live one")
    back.set_defaults(run=lambda options: _say_live(_home(options).rollback()))
    pruning = commands.add_parser("prune", help="remove all but the live generation and the newest others")
    pruning.add_argument("--keep", type=int, default=generations.KEPT, metavar="N", help="how many stay, default: 2")
    pruning.set_defaults(run=_prune)
    for each in (listing, switching, back, pruning):
        _add_index_option(each)
    for each in (listing, switching, back):
        _add_store_option(each)


def _add_user_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="the users there are, each with a role")
    listing.set_defaults(run=_list_users)
    adding = commands.add_parser("add", help="add a user; the password is asked twice, or is a line of standard input")
    adding.add_argument("--role", choices=ROLES, default=ROLES[0], help="an editor may change articles and index")
    adding.set_defaults(run=_add_user)
    role = commands.add_parser("role", help="give a user another role")
    password = commands.add_parser("password", help="give a user another password, which ends what is logged in")
    password.set_defaults(run=_set_password)
    removing = commands.add_parser("remove", help="remove a user, which ends what is logged in")
    removing.set_defaults(run=_remove_user)
    for each in (adding, role, password, removing):
        each.add_argument("name", metavar="NAME")
    role.add_argument("role", choices=ROLES)
    role.set_defaults(run=_set_role)
    for each in (listing, adding, role, password, removing):
        each.add_argument("--auth", type=Path, default=Path("users.json"), metavar="FILE", help="default: users.json")


def _add_index_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--index", type=Path, default=Path("index"), metavar="DIR", help="default: index")


def _add_store_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--store", metavar="URL", help="an index in PostgreSQL instead, as in postgresql://user@first,second/wenju"
    )


def _add_where_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--where", type=_condition, action="append", default=[], metavar="NAME=VALUE",
        help="search only a part of a store: language=zh, after=2024-01-31, before=2024-12-31, path=reports/; may be "
        "repeated",
    )  # fmt: skip


def _add_corpus_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--corpus", type=Path, default=Path("corpus"), metavar="DIR", help="default: corpus")


def _add_build_options(parser: argparse.ArgumentParser, *more_limits: PageLimits) -> None:
    _add_corpus_option(parser)
    _add_index_option(parser)
    parser.add_argument("--embedder", default=BUNDLED, metavar="MODEL", help="a sentence-transformers folder or name")
    parser.add_argument(
        "--passage-bytes", type=int, default=IndexSettings().passage_bytes, metavar="N", help="UTF-8 bytes a passage"
    )
    _add_limit_option(parser, *more_limits)


def _add_limit_option(parser: argparse.ArgumentParser, *more_limits: PageLimits) -> None:
    known = asdict(FileLimits())
    for limits in more_limits:
        known |= asdict(limits)
    visitors = ", and what visitors may ask" if more_limits else ""
    parser.add_argument(
        "--limit", type=partial(_limit, known), action="append", default=[], metavar="NAME=N",
        help=f"what reading one article may take{visitors}; may be repeated. "
        f"Default: {', '.join(f'{name}={value}' for name, value in known.items())}",
    )  # fmt: skip


def _condition(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    known = asdict(Where())
    if name not in known or not value:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE with one of {', '.join(known)}")
    return name, value


def _limit(known: Collection[str], text: str) -> tuple[str, int]:
    name, _, value = text.partition("=")
    if name not in known or not value.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=N with one of {', '.join(known)}")
    return name, int(value)


def _workers(text: str) -> int:
    if not text.isdecimal() or int(text) not in range(1, _MOST_WORKERS + 1):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of processes from 1 to {_MOST_WORKERS}")
    return int(text)


def _host_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a name such as wenju.example.org, without port or http://")
    return text


def _floor(text: str) -> tuple[str, float]:
    name, _, value = text.rpartition("=")
    try:
        return name.strip(), float(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not MEASURE=VALUE") from error


def _index_settings(options: argparse.Namespace) -> IndexSettings:
    limits = {name: value for name, value in options.limit if name in asdict(FileLimits())}
    return IndexSettings(embedder=options.embedder, passage_bytes=options.passage_bytes, **limits)


def _home(options: argparse.Namespace) -> Home:
    """Where the index is: in a folder, or in a store where one is named."""
    return _store(options.store) if options.store else home_of(options.index)


def _store(url: str) -> "Store":
    try:
        from qa.store import Store  # brings psycopg, which no other index needs
    except ImportError as error:
        raise StoreError('An index in PostgreSQL needs `pip install -e ".[postgres]"`.') from error
    return Store(url)


def _search_settings(options: argparse.Namespace) -> SearchSettings:
    return SearchSettings(where=Where(**dict(options.where)))


def _build(options: argparse.Namespace) -> int:
    if options.store and (options.watch or options.impact):
        raise StoreError("--watch and --impact go with an index in a folder.")
    if options.watch:
        return _build_after_each_edit(options)
    _build_and_compare(options)
    return 0


def _build_after_each_edit(options: argparse.Namespace) -> int:
    """Builds, then again whenever the articles are others than those of the live index; ends with Ctrl-C."""
    from qa.watch import edits, return_freed_memory  # brings watchfiles, which no question needs

    return_freed_memory()
    built, settings = False, _index_settings(options)
    try:
        _say(f"Watching {options.corpus}; Ctrl-C ends it.", to=sys.stderr)
        for _ in edits(options.corpus, options.index):
            try:
                if not built or generations.reason_to_build(options.corpus, options.index, settings):
                    _build_and_compare(options, math.inf)
                    built = True
            except WenjuError as error:
                _say(f"qa: {error}", to=sys.stderr)
            sys.stdout.flush()
    except KeyboardInterrupt:
        _say("No longer watching.", to=sys.stderr)
    return 0


def _build_and_compare(options: argparse.Namespace, wait_seconds: float = 0.0) -> None:
    """Builds and says what that did to the passages, and to the answers to the questions of `--impact`."""
    corpus, root, settings = options.corpus, options.index, _index_settings(options)
    with _stage_bars() as progress:
        if options.store:
            store = _store(options.store)
            from qa import storing  # brings psycopg, which no other index needs

            summary, found = storing.build(corpus, store, settings, progress, strict=options.strict), None
        elif options.impact:
            from qa import building, impact  # bring ir_measures and scipy, which no plain build needs

            questions = impact.read(options.impact)
            built = building.build_with_impact(
                corpus, root, settings, questions, progress, strict=options.strict, wait_seconds=wait_seconds,
                waiting=_say_waiting,
            )  # fmt: skip
            summary, found = built.summary, built.impact
        else:
            summary = generations.build(
                corpus, root, settings, progress, strict=options.strict, wait_seconds=wait_seconds,
                waiting=_say_waiting,
            )  # fmt: skip
            found = None
    _name_assumed(summary)
    record: dict[str, Any] = {**asdict(summary), "impact": None}
    record["unreadable"] = [{**asdict(each), "reason": str(each.reason)} for each in summary.unreadable]
    lines = [_summary_text(summary, _store(options.store) if options.store else root)]
    if summary.changes.compared:
        lines.append(changes.changes_text(summary.changes))
    else:
        record["changes"] = None
    if found:
        record["impact"] = impact.impact_record(found)
        lines.append(impact.impact_text(found))
    elif options.impact:
        lines.append("No index was here before that could be asked, so there is no impact to tell.")
    _say(render.terminal_json(record) if options.json else "\n".join(lines))


def _build_now(corpus: Path, root: Path, settings: IndexSettings) -> None:
    with _stage_bars() as progress:
        summary = generations.build(corpus, root, settings, progress, wait_seconds=_BUILD_SECONDS, waiting=_say_waiting)
    _name_assumed(summary)
    _say(_summary_text(summary, root))


def _say_waiting(line: str) -> None:
    tqdm.write(render.terminal_text(f"qa: {line}"), file=sys.stderr)
    sys.stderr.flush()


def _name_assumed(summary: generations.BuildSummary) -> None:
    """Names the articles that were left out, and those read in another encoding than UTF-8."""
    for article in summary.unreadable:
        _say(f"left out: {article.path}: {article.reason}", to=sys.stderr)
    for encoding in sorted(set(summary.encodings.values())):
        names = [name for name, assumed in summary.encodings.items() if assumed == encoding]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        _say(f"read as {encoding}: {', '.join(names[:_NAMED])}{more}", to=sys.stderr)


def _summary_text(summary: generations.BuildSummary, root: "Path | Store") -> str:
    return (
        f"{summary.documents} articles, {summary.passages} passages, {summary.size / 1e6:.1f} MB "
        f"in {summary.seconds:.1f} s → {root}/{summary.generation}"
    )


def _list_generations(options: argparse.Namespace) -> int:
    for each in _home(options).listed():
        counts = f"{each.documents} articles, {each.passages} passages, " if each.created else ""
        _say(f"{each.name}  {each.state:<10}  {counts}{each.size / 1e6:.1f} MB  {each.created}".rstrip())
    return 0


def _say_live(name: str) -> int:
    _say(f"live: {name}")
    return 0


def _prune(options: argparse.Namespace) -> int:
    for name in generations.prune(options.index, options.keep):
        _say(f"removed: {name}")
    return 0


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
    model = None if options.no_llm else settings_from_environment()
    chat = Chat.open(_home(options), Settings(search=_search_settings(options), language_model=model))
    if options.questions is not None:
        return _ask_file(chat, options.questions, options.receipt)
    answer = chat.ask(options.question)
    if options.receipt:
        receipts.save(options.receipt, [chat.receipt(answer)])
    documents = chat.index.documents
    reasons = [chat.explain(answer.searched, hit) for hit in answer.hits] if options.explain else []
    if options.json:
        record = render.answer_record(chat.written(answer), documents)
        for passage, reason in zip(record["passages"], reasons, strict=False):
            passage["explanation"] = render.explanation_record(reason)
        _say(render.terminal_json(record))
        return 0
    _say(render.answer_text(answer, documents))
    _print_while_written(chat, answer)
    for hit, reason in zip(answer.hits[:_EXPLAINED], reasons, strict=False):
        _say(f"\n{render.explanation_text(hit, reason, documents)}")
    return 0


def _ask_file(chat: Chat, path: Path, receipt: Path | None) -> int:
    """A line out for each line in; a line that cannot be asked says why under `error`, and the exit code is 2.

    The lines of one `chain` are a conversation, each asked with the answers to those before it.
    """
    code = 0
    chains: dict[str, list[Answer]] = {}
    with _saved(receipt) as saved:
        for number, line in question_files.lines(path):
            identity: object = number
            try:
                record = json.loads(line)
                identity = _identity(record, number)
                chain = chains.setdefault(json.dumps(record["chain"]), []) if "chain" in record else []
                answer = chat.written(chat.ask(_text(record["question"]), history=chain))
                chain.append(answer)
                said = render.answer_record(answer, chat.index.documents)
                if receipt:
                    saved.append(chat.receipt(answer))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                said, code = {"error": f'line {number} is not JSON with "question"'}, CANNOT
            except (QuestionError, CorpusError, ReceiptError) as error:
                said, code = {"error": str(error)}, CANNOT
            _say(render.terminal_json({"id": identity, **said}))
    return code


@contextlib.contextmanager
def _saved(path: Path | None) -> Iterator[list[receipts.Receipt]]:
    """Receipts to be filled in, which are saved in the end; those that there are, where it comes before its time."""
    filled: list[receipts.Receipt] = []
    try:
        yield filled
    except BaseException:  # a store has gone, or Ctrl-C was pressed
        if path and filled:
            receipts.save(path, filled)
        raise
    if path:
        receipts.save(path, filled)


def _chat(options: argparse.Namespace) -> int:
    """A conversation over standard input: a question a line, `/new` begins another; errors are said and it goes on."""
    live = LiveChat(_home(options), Settings(search=_search_settings(options)))
    history: list[Answer] = []
    prompt = _PROMPT if sys.stdin.isatty() else ""
    while True:
        print(prompt, end="", flush=True)
        line = sys.stdin.readline()
        if not line:
            return 0
        if line.strip() == "/new":
            history.clear()
        elif line.strip():
            chat = live.current()
            try:
                history.append(chat.ask(line.strip(), history=history))
                _say(render.answer_text(history[-1], chat.index.documents), end="\n\n")
            except (QuestionError, CorpusError, StoreError) as error:
                _say(f"qa: {error}", to=sys.stderr)


def _print_while_written(chat: Chat, answer: Answer) -> None:
    """Prints each sentence that a language model writes once it is checked, then where they stand, or why none does."""
    shown, last = 0, answer
    for last in chat.write(answer):
        if last.written and len(last.written.sentences) > shown:
            if not shown:
                _say(f"\n{render.WRITTEN_BY[last.written.language]}")
            for sentence in last.written.sentences[shown:]:
                _say(render.sentence_text(sentence, last.written.language))
            shown = len(last.written.sentences)
    if lines := render.after_written(last, chat.index.documents):
        _say("\n" + "\n".join(lines))


def _identity(record: dict[str, object], number: int) -> object:
    """The line's own id, or its number; Python reads NaN and 1e999, which are no JSON to answer with."""
    json.dumps(record.get("id"), allow_nan=False)
    return record.get("id", number)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a question must be text")
    return value


def _verify(options: argparse.Namespace) -> int:
    """Says what became of every receipt; one that cannot be read has its own line, and the others go on."""
    articles = receipts.Articles(options.corpus, FileLimits(**dict(options.limit)))
    counts: Counter[str] = Counter()
    for name, receipt in (entry for path in options.files for entry in receipts.read(path)):
        if isinstance(receipt, ReceiptError):
            counts["not read"] += 1
            if options.json:
                _say(render.terminal_json({"receipt": name, "error": str(receipt)}))
            else:
                _say(f"qa: {receipt}", to=sys.stderr)
            continue
        verdicts = receipts.verify(receipt, articles)
        counts.update(verdict.state for verdict in verdicts)
        counts["refused"] += not receipt.citations
        if options.json:
            _say(render.terminal_json(render.verification_record(name, receipt, verdicts)))
        else:
            _say(render.verification_text(name, receipt, verdicts))
    if not options.json:
        _say(", ".join(f"{counts[name]} {name}" for name in ("valid", "moved", "stale", "refused", "not read")))
    if counts["not read"]:
        return CANNOT
    return NOT_AS_CITED if counts["moved"] or counts["stale"] else 0


def _evaluate(options: argparse.Namespace) -> int:
    from qa import (
        chains,
        comparison,
        evaluation,
        question_sets,
        tables,
    )  # bring ir_measures and scipy, which no question needs

    if options.promote:
        return _promote(options)
    before = comparison.read_report(options.against) if options.against else None
    asked = question_sets.read(options.questions, options.follow_ups or question_sets.follow_ups_of(options.questions))
    chat = Chat.open(_home(options))
    anyway = evaluation.never_refusing(chat).ask
    with _stage_bars() as progress:
        report = evaluation.evaluate(
            asked.questions,
            chat.index.passages,
            chat.ask,
            anyway,
            lambda done, total: progress("questions", done, total),
        )
        if asked.chains:
            report["follow_ups"] = chains.evaluate_chains(
                asked.chains,
                lambda question, history: chat.ask(question, history=history),
                lambda done, total: progress("follow-ups", done, total),
            )
    _say(_report_text(report))
    if before is not None:
        _say(comparison.reports_text(before, report))
    if options.output:
        _write_report(options.output, json.dumps(report, ensure_ascii=False, indent=1) + "\n")
    if options.csv:
        _write_report(options.csv, tables.questions_csv(evaluation.outcomes_of(report)))
    return _below_floors(report["figures"]["all"], options.floor)


def _promote(options: argparse.Namespace) -> int:
    from qa import feedback  # brings ir_measures and scipy, which no question needs

    promotion = feedback.promote(options.promote, options.questions, Chat.open(_home(options)))
    _say(feedback.promotion_text(promotion, options.questions))
    return 0


def _write_report(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise SearchIndexError(f"The report cannot be written to {path}: {error.strerror}.", path) from error


def _report_text(report: dict[str, Any]) -> str:
    lines: list[str] = []
    for group, measures in (report["figures"] | report.get("follow_ups", {"figures": {}})["figures"]).items():
        lines.append(f"{group} ({max(int(figure['count']) for figure in measures.values())})")
        for name, figure in measures.items():
            lines.append(
                f"  {name:<26} {figure['mean']:.3f}  [{figure['low']:.3f}, {figure['high']:.3f}]  n={figure['count']}"
            )
    confidence = report["confidence"]
    for part in ("reliability", "risk and coverage"):
        numbers = {name: value for name, value in confidence[part].items() if isinstance(value, float)}
        lines.append(f"{part}: " + ", ".join(f"{name} {value:.3f}" for name, value in numbers.items()))
    return "\n".join(lines)


def _below_floors(measures: dict[str, dict[str, float]], floors: Sequence[tuple[str, float]]) -> int:
    code = 0
    for name, floor in floors:
        if name not in measures:
            raise QuestionError(f"There is no measure {name!r}; there are {', '.join(measures)}.")
        if measures[name]["mean"] < floor:
            _say(f"qa: {name} {measures[name]['mean']:.3f} is below the floor {floor}.", to=sys.stderr)
            code = BELOW_FLOOR
    return code


def _lint(options: argparse.Namespace) -> int:
    from qa.lint import dark_passages, lint  # no question needs it

    findings = lint(options.corpus, _index_settings(options))
    if options.questions:
        chat = Chat.open(options.index)
        documents = {identity: chat.document(identity) for identity in chat.index.documents}
        asked = [saved.question for saved in question_files.read(options.questions)]
        findings += dark_passages(chat.index.passages, documents, (chat.ask(question).hits for question in asked))
    for finding in findings:
        place = f":{finding.line}" if finding.line else ""
        line = f"{finding.path}{place}: {finding.severity}: {finding.kind}: {finding.message}"
        record = {**asdict(finding), "message": str(finding.message)}
        _say(render.terminal_json(record) if options.json else line)
    counts = Counter(finding.severity for finding in findings)
    if not options.json:
        _say(f"{counts['error']} errors, {counts['warning']} warnings")
    return LINT_ERRORS if counts["error"] else 0


def _serve(options: argparse.Namespace) -> int:
    settings = _index_settings(options)
    limits = PageLimits(**{name: value for name, value in options.limit if name in asdict(PageLimits())})
    reason = None if options.store else generations.reason_to_build(options.corpus, options.index, settings)
    if reason:
        _say(f"Building the index: {reason}")
        _build_now(options.corpus, options.index, settings)
    from ui.server import Options, serve  # bring the page, which no other command needs

    answering = Settings(language_model=settings_from_environment())
    live = LiveChat(_home(options), answering, expected=None if options.store else settings)
    usual = Path("eval/questions.jsonl")
    questions = options.questions or (usual if usual.is_file() else None)
    feedback = None if options.no_feedback or options.read_only else options.feedback
    served = Options(
        read_only=options.read_only or bool(options.store),  # a store is built by `qa build`
        users=options.auth,
        names=tuple(options.allow_host),
        questions=questions,
        feedback=feedback,
        limits=limits,
        workers=options.workers,
    )
    serve(live, options.host, options.port, served)
    return 0


def _list_users(options: argparse.Namespace) -> int:
    from qa import users  # brings argon2, which no question needs

    for user in users.read(options.auth).values():
        _say(f"{user.name}  {user.role}")
    return 0


def _add_user(options: argparse.Namespace) -> int:
    from qa import users  # brings argon2, which no question needs

    users.add(options.auth, options.name, options.role, _new_password)
    _say(f"{options.name} may log in as {options.role}.")
    return 0


def _set_role(options: argparse.Namespace) -> int:
    from qa import users  # brings argon2, which no question needs

    users.set_role(options.auth, options.name, options.role)
    _say(f"{options.name} is {options.role} now.")
    return 0


def _set_password(options: argparse.Namespace) -> int:
    from qa import users  # brings argon2, which no question needs

    users.set_password(options.auth, options.name, _new_password)
    _say(f"{options.name} has another password now.")
    return 0


def _remove_user(options: argparse.Namespace) -> int:
    from qa import users  # brings argon2, which no question needs

    users.remove(options.auth, options.name)
    _say(f"{options.name} may log in no more.")
    return 0


def _new_password() -> str:
    """A password, typed twice unseen; or the first line of standard input where that is no terminal."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    try:
        password = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") == password:
            return password
    except EOFError:
        raise UsersError("No password was given; nothing is changed.") from None
    raise UsersError("The two passwords differ; nothing is changed.")


def _doctor(options: argparse.Namespace) -> int:
    from qa import doctor  # brings httpx, which no question needs

    checks = []
    with _stage_bars() as progress:
        for check in doctor.examine(options.index, progress):
            checks.append(check)
            if not options.json:
                tqdm.write(render.terminal_text(doctor.check_text(check)))
                sys.stdout.flush()
    if options.json:
        _say(render.terminal_json(doctor.record(checks)))
    return 0 if doctor.record(checks)["fine"] else NOT_FINE
