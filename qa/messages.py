"""What is said of files, builds and errors, in both languages: a message is a kind and what fills the blanks of it.

The terminal says it in English, the page in the language of the page, where it names none of the terminal's commands.
"""

import errno
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qa.text import Language


@dataclass(frozen=True, slots=True)
class Message:
    """Something to say to a person, of which `str` is the English; a value may be a message itself."""

    kind: str
    values: Mapping[str, object] = field(default_factory=dict)

    def text(self, language: Language) -> str:
        """It in a language; raises KeyError for a kind or a blank that is not there."""
        chinese, english = TEXTS[self.kind]
        values = {name: in_language(value, language) for name, value in self.values.items()}
        return (chinese if language == "zh" else english).format(**values)

    def __str__(self) -> str:
        return self.text("en")


def in_language(value: object, language: Language) -> object:
    """A message in a language; anything else as it is."""
    return value.text(language) if isinstance(value, Message) else value


def as_record(said: object) -> object:
    """A message as data; anything else as it is."""
    if not isinstance(said, Message):
        return said
    return {"kind": said.kind, "values": {name: as_record(value) for name, value in said.values.items()}}


def of_record(told: Any) -> Any:
    """What `as_record` told of."""
    if not isinstance(told, dict):
        return told
    return Message(told["kind"], {name: of_record(value) for name, value in told["values"].items()})


def of_system(error: Exception, otherwise: str) -> Message:
    """What the system says of a failure; where it says nothing, as of a name it cannot have, the message of a kind."""
    said, code = getattr(error, "strerror", None), getattr(error, "errno", None)
    return Message(_SYSTEM.get(code or 0, "system"), {"said": said, "code": code}) if said else Message(otherwise)


_SYSTEM = {
    errno.EACCES: "system_denied", errno.EPERM: "system_denied", errno.EROFS: "system_denied",
    errno.ENOENT: "system_gone", errno.ENOTDIR: "system_gone",
    errno.ENOSPC: "system_full", errno.EDQUOT: "system_full",
    errno.ENAMETOOLONG: "system_long", errno.ELOOP: "system_circle",
    errno.EMFILE: "system_busy", errno.ENFILE: "system_busy", errno.EIO: "system_disk",
}  # fmt: skip


def _limited(chinese: str, english: str) -> tuple[str, str]:
    return (
        f"{chinese}（上限 {{limit:,}}，由 {{name}} 定）",
        f"{english} (limit {{limit:,}}); raise it with --limit {{name}}=N",
    )


# kind: (Chinese, English)
TEXTS: dict[str, tuple[str, str]] = {
    # what the system says
    "system": ("系统出错，代码 {code}", "{said}"),
    "system_denied": ("没有权限", "{said}"),
    "system_gone": ("文件不在了", "{said}"),
    "system_full": ("磁盘满了", "{said}"),
    "system_long": ("名字太长", "{said}"),
    "system_circle": ("链接绕成了圈", "{said}"),
    "system_busy": ("打开的文件太多，请稍后再试", "{said}"),
    "system_disk": ("磁盘出错", "{said}"),
    # why a file cannot be read as an article, without the file's name
    "cannot_be_read": ("读不了", "it cannot be read"),
    "cannot_be_written": ("写不进去", "it cannot be written"),
    "leads_out": (
        "它通到文章文件夹之外，或是隐藏文件；请把文件本身放进来",
        "it leads out of the corpus folder, or to a hidden file; put the file itself there",
    ),
    "no_file": ("它不是普通文件", "it is no regular file"),
    "no_name": (
        "文件名不是 UTF-8，或含有控制字符；请改名",
        "its name is not UTF-8, or holds a control character; rename it",
    ),
    "no_encoding": (
        "不是 UTF-8（第 {start} 字节）、UTF-16、GB18030 或 Big5；请存成 UTF-8",
        "not UTF-8 (byte {start}), UTF-16, GB18030 or Big5; save it as UTF-8",
    ),
    "large_file": _limited("文件有 {size:,} 字节", "it has {size:,} bytes"),
    "grown_file": _limited("文件超过 {limit:,} 字节", "it has more than {limit:,} bytes"),
    "long_text": _limited("正文有 {size:,} 字", "its text has {size:,} characters"),
    "longer_text": _limited("正文的字数太多", "its text has too many characters"),
    "unpacks_large": _limited("解压之后太大", "it unpacks to too many bytes"),
    "converts_slowly": _limited("转换太费时", "converting it takes too long"),
    "converts_large": _limited("转换太费内存", "converting it takes too much memory"),
    "no_library": (
        "读 {suffix} 文件要先安装 {library}：{install}",
        "reading {suffix} files takes {library}; {install}",
    ),
    "no_converter": (
        "转换程序启动不了（{reason}）；请稍后重新建立索引",
        "its converter cannot be started ({reason}); build again later",
    ),
    "converter_failed": (
        "转换失败（{code}）；请重新保存，或存成文本",
        "its converter failed ({code}); save it anew, or as text",
    ),
    "no_part": ("其中的 {part!r:.60} 解压不了；请重新保存", "its part {part!r:.60} cannot be unpacked; save it anew"),
    "no_table": (
        "它不是逗号分隔的表格；请重新保存",
        "it is no table of comma-separated values ({said}); save it anew",
    ),
    "no_archive": (
        "它已损坏，或不是 {format} 文件；请重新保存",
        "it is damaged, or no {format} file; save it anew",
    ),
    "no_pdf": ("它已损坏，或不是 PDF；请重新保存", "it is damaged, or no PDF; save it anew"),
    "no_chapters": (
        "这本 EPUB 没有章节，或者加了密；请重新保存",
        "it is an EPUB without chapters, or an encrypted one; save it anew",
    ),
    "document_type": (
        "它的 XML 带有文档类型声明，Word 文件用不着；请用文字处理软件重新保存",
        "its XML has a document type, which no Word file needs; save it anew with a word processor",
    ),
    "password": ("打开它要密码；请存成不要密码的", "it wants a password; save it without one"),
    "only_pictures": (
        "里面没有文字，只有页面的图片；请先做文字识别",
        "it holds no text, only pictures of pages; run a text recognition over it first",
    ),
    # what of an article is to be mended
    "left_out": ("未收入：{reason}", "left out: {reason}"),
    "no_word": ("里面没有一个字、词或数；请写上内容，或删除它", "it holds no word or number; write it or remove it"),
    "few_terms": (
        "里面只有 {count} 个词；请多写一些，或并入另一篇",
        "it holds {count} terms only; write more, or join it to another article",
    ),
    "no_date": (
        "没有日期；请在文件开头写上 `date: 年-月-日`，如 2026-01-31",
        "it has no date; add `date: YYYY-MM-DD` to its front matter",
    ),
    "false_date": (
        "“{told:.40}”不是日期；请在文件开头写成 `date: 年-月-日`，如 2026-01-31",
        "its date {told!r:.40} is none; add `date: YYYY-MM-DD` to its front matter",
    ),
    "assumed_encoding": (
        "按字节推断，读作 {encoding}；请存成 UTF-8，以免误读",
        "it was read as {encoding}, which its bytes suggest; save it as UTF-8 to be sure",
    ),
    "garbled": (
        "“{shown}”存成了错的编码；请从来源恢复",
        "{shown!r} was saved in the wrong encoding; restore it from its source",
    ),
    "repeated": ("内容与 {other} 相同；请删除其中一篇", "it says the same as {other}; remove one of them"),
    "nearly_repeated": (
        "与 {other} 有 {alike:.0%} 相同；请合并，或删除一篇",
        "{alike:.0%} of it and {other} is the same; merge them, or remove one",
    ),
    "no_terms": ("这一段里没有可以检索的词；请写上", "this passage holds no word to search; write words"),
    "long_headings": (
        "嵌入模型只读 {limit} 个词元，这一段连标题超过了；请缩短标题",
        "the embedder reads {limit} tokens, this passage with its headings has more; shorten the headings",
    ),
    "dark": (
        "没有问题能找到这一段；请在标题或正文里点明它说的是什么，或者为它提一个问题",
        "no question finds this passage; name its subject in its heading or text, or ask for it",
    ),
    # why an article cannot be changed
    "edit_name": (
        "“{name}”不能作文件名：有些系统不接受。请换一个，不要用 \\ : * ? 等符号，也不要以点开头。",
        "“{name}” is no name that every system takes. Choose another, without \\ : * ? and the like, nor a dot first.",
    ),
    "edit_suffix": (
        "“{name}”的后缀不是能读的格式；可修改的文章以 .md 或 .txt 结尾。",
        "“{name}” does not end as a format that can be read; an article to edit ends with .md or .txt.",
    ),
    "edit_format": (
        "“{name}”要保留后缀 {detail}，它说明文件是什么格式。",
        "“{name}” has to keep the suffix {detail}, which tells the format of the file.",
    ),
    "edit_large": ("“{name}”太大了。", "“{name}” is too large."),
    "edit_exists": (
        "已经有文章“{name}”。请换一个名字；要上传来替换它，请选上“替换同名”。",
        "There is an article “{name}”. Choose another name; to replace it, upload yours with “Replace files of the "
        "same name”.",
    ),
    "edit_changed": (
        "“{name}”后来被别人改过，所以什么也没有动，以免盖掉别人的修改。若还要改，请先把自己写的复制下来，再重新打开它。",
        "“{name}” was changed by someone since, so nothing was done, lest it undo theirs. If need be, copy what you "
        "wrote, open the article again, and change that.",
    ),
    "edit_gone": ("“{name}”已经不在了。", "“{name}” is not there any more."),
    "edit_outside": (
        "“{name}”是链接，或者通到文章文件夹之外，不能修改。",
        "“{name}” is a link, or leads out of the folder of the articles; it cannot be changed.",
    ),
    "edit_failed": ("“{name}”写不进去：{detail}。", "“{name}” cannot be written: {detail}."),
    # what ails the folder of articles
    "no_folder": (
        "没有文件夹 {folder}。",
        "There is no folder {folder}; name the folder of your articles with --corpus.",
    ),
    "no_article": (
        "{folder} 里没有文章（{suffixes}）；请先放进一些，再建立索引。",
        "{folder} holds no article ({suffixes}); put some there, then build.",
    ),
    "no_text": (
        "{folder} 里的文章都没有可以检索的文字；请先写一些，再建立索引。",
        "No article in {folder} holds any text to search; write some, then build.",
    ),
    "article_unreadable": ("{path} 读不了：{reason}。", "{path} cannot be read: {reason}."),
    "none_readable": (
        "{folder} 里没有一篇文章读得了；{first}：{reason}。",
        "No article in {folder} can be read; {first}: {reason}.",
    ),
    # what ails the index
    "no_index": ("{folder} 里没有索引，请先建立。", "There is no index in {folder}; run `qa build` first."),
    "file_denied": (
        "{path} 读不了：没有权限；请让它的主人允许你读索引。",
        "{path} cannot be read: permission denied; have its owner let you read the index.",
    ),
    "file_damaged": (
        "{path} 已损坏；请重新建立索引。",
        "{path} is damaged; run `qa build` to write the index anew.",
    ),
    "file_missing": (
        "{path} 不在了，或已损坏；请重新建立索引。",
        "{path} is missing or damaged; run `qa build` to write the index anew.",
    ),
    "pointer_empty": (
        "{path} 没有指明哪一代；请重新建立索引。",
        "{path} names no generation; run `qa build` to write the index anew.",
    ),
    "no_true_copy": ("{path} 复制得不对；请重新建立索引。", "{path} is no true copy; run `qa build` again."),
    "read_while_changed": (
        "读 {folder} 的时候它被改了；请重新建立索引。",
        "{folder} was changed while it was read; run `qa build` again.",
    ),
    "generation_gone": (
        "{store} 里打开的那一版索引已经被后来建立的取代并删除；请重新打开。",
        "The index that was open in {store} has been removed by later builds; open it again.",
    ),
    "other_format": (
        "{folder} 里的索引是第 {written} 版格式，这里读的是第 {read} 版；请重新建立索引。",
        "The index in {folder} has format {written}, this version reads {read}; run `qa build`.",
    ),
    "other_settings": (
        "{folder} 里的索引是用别的设置建的；请用要的设置重新建立。",
        "The index in {folder} was built with {difference}; run `qa build` with the settings you want.",
    ),
    "other_model": (
        "{folder} 里的索引是用模型 {built} 建的，这里是 {present}；请重新建立索引。",
        "The index in {folder} was built with model {built}, here is {present}; run `qa build`.",
    ),
    "or_roll_back": (
        "{problem}也可以退回 {created} 建的那一代。",
        "{problem} Or go back to that of {created} with `qa index rollback`.",
    ),
    "no_older": (
        "{folder} 里没有比现在更早的完整的一代；请重新建立索引。",
        "{folder} holds no whole generation older than {live}; run `qa build`.",
    ),
    "no_generation": (
        "{folder} 里没有“{name}”这一代；请在各代索引里选。",
        "{folder} holds no generation {name!r}; `qa index list` names those there are.",
    ),
    "index_unwritable": ("索引写不进 {folder}：{reason}。", "The index cannot be written to {folder}: {reason}."),
    "written_wrong": (
        "写进 {folder} 的不对：{reason}；请重新建立索引。",
        "What was written to {folder} is not right: {reason}; run `qa build` again.",
    ),
    "other_rows": ("各部分的行数不同（{counts}）", "its parts have {counts} rows"),
    "other_articles": ("文章与清单不符", "its articles are not those of its manifest"),
    "no_slice": ("第 {row} 段不是 {name} 里的原文", "passage {row} is no slice of {name}"),
    "not_by_terms": ("用自己的词找不到第 {row} 段", "passage {row} is not found by its own terms"),
    "not_by_vector": ("用自己的向量找不到第 {row} 段", "passage {row} is not found by its own vector"),
    # what ails a store in PostgreSQL
    "store_url": (
        "这不是 PostgreSQL 的地址；密码里的特殊字符要用百分号编码，如 %40 代替 @。",
        "That is no address of PostgreSQL; signs in a password are written as %40 for @, %2F for /.",
    ),
    "store_gone": (
        "PostgreSQL（{store}）没有回应：{reason}。",
        "No PostgreSQL server answers at {store}: {reason}.",
    ),
    "store_password": (
        "PostgreSQL（{store}）不让登录：{reason}；请检查用户名和密码。",
        "The PostgreSQL server at {store} lets nobody in with this name and password: {reason}.",
    ),
    "store_denied": (
        "PostgreSQL（{store}）里没有权限：{reason}。",
        "The PostgreSQL server at {store} does not let this user do so: {reason}; have its owner grant it.",
    ),
    "store_read_only": (
        "PostgreSQL（{store}）现在只能读：{reason}。",
        "The PostgreSQL server at {store} can only be read, as a standby can: {reason}.",
    ),
    "store_full": (
        "PostgreSQL（{store}）的磁盘满了；腾出地方之后再建立，已经建好的会接着用。",
        "The disk of the PostgreSQL server at {store} is full: {reason}. Make room and run `qa build` again, which "
        "goes on from what is there.",
    ),
    "store_no_vector": (
        "PostgreSQL（{store}）里没有 pgvector 扩展：{reason}。",
        "The PostgreSQL server at {store} lacks the extension pgvector: {reason}. Have an administrator install it and "
        "run CREATE EXTENSION vector in this database.",
    ),
    "store_schema": (
        "{store} 里的表是第 {written} 版，这里用的是第 {read} 版；请另建一个数据库，或者删除这些表之后重新建立。",
        "The tables in {store} have version {written}, this one reads {read}: build into another database, or anew "
        "after DROP SCHEMA wenju CASCADE.",
    ),
    "store_dimension": (
        "{store} 里的向量有 {written} 维，这个模型的有 {read} 维；请另建一个数据库。",
        "The vectors in {store} have {written} numbers, those of this model {read}: build into another database.",
    ),
    "store_failed": ("PostgreSQL（{store}）出错：{reason}。", "The PostgreSQL server at {store} says: {reason}."),
    "store_busy": (
        "别的程序正在建立 {store} 里的索引；请稍后再试。",
        "Another process builds {store} from other articles, or with other settings; try again later.",
    ),
    "no_store": ("{store} 里没有索引，请先建立。", "There is no index in {store}; run `qa build --store` first."),
    "busy": (
        "{holder}正在写 {folder} 里的索引；请稍后再试。",
        "{holder} is writing the index in {folder}; try again later.",
    ),
    "busy_or_dead": (
        "{holder}正在写 {folder} 里的索引；请稍后再试，或者等它结束之后删除那里的 {lock}。",
        "{holder} is writing the index in {folder}; try again later, or remove {lock} there once that has ended.",
    ),
    "process": ("进程 {number}（{since} 起）", "Process {number} (since {since})"),
    "process_elsewhere": ("{host} 上的进程 {number}（{since} 起）", "Process {number} on {host!r:.80} (since {since})"),
    "process_unknown": ("另一个进程", "Another process"),
    "build_stopped": ("已停止建立；索引没有变。", "The build was stopped; the index is as it was."),
    "build_failed": ("出错了（{name}），详情见服务器的日志。", "The build failed: {name}: {said}."),
    "no_model": (
        "{name} 里没有能用的嵌入模型；请给一个文件夹，或这台机器上已有的模型。",
        "No embedding model can be loaded from {name!r}: give a folder, or a model this machine already has.",
    ),
    "no_bundled_model": (
        "{folder} 里自带的模型读不了；请重新安装。",
        "The bundled model in {folder} cannot be read; reinstall this package.",
    ),
    # what ails questions
    "questions_unreadable": (
        "{path} 不能读作 UTF-8 文本；请指定一个问题文件。",
        "{path} cannot be read as UTF-8 text; name a JSON Lines file of questions.",
    ),
    "no_question": (
        "{path} 第 {number} 行不是带 `question` 的 JSON。",
        '{path}, line {number}: is not JSON with "question".',
    ),
    "ungraded_question": (
        "{path} 第 {number} 行不是带 {needs} 的 JSON。",
        "{path}, line {number}: needs JSON with {needs} ({said}).",
    ),
    "same_question": (
        "{path} 第 {number} 行的编号 {name!r} 前面已经有了。",
        "{path}, line {number}: the id {name!r} stands in a line before.",
    ),
    "two_questions": (
        "{path} 里的编号 {name!r} 用在了两个问题上。",
        "{path}: the id {name!r} stands for two questions.",
    ),
    "no_questions": ("{path} 里没有问题。", "{path} holds no questions."),
    "many_questions": (
        "{name} 有 {count:,} 个问题；一次最多问 {most:,} 个。",
        "{name} has {count:,} questions; at most {most:,} are asked at once.",
    ),
    "no_question_set": (
        "{name} 不是一行一题的 JSON，也不是 SQuAD 格式。",
        "{name} is neither JSON Lines of questions nor in SQuAD format.",
    ),
    "no_paragraph": (
        "{name} 的 {count:,} 个段落都不在索引的文章里。",
        "None of the {count:,} paragraphs of {name} stands in an article of the index.",
    ),
    "question_refused": ("第 {name} 题：{problem}", "Question {name}: {problem}"),
    "question_empty": (
        "问题里没有一个字、词或数。",
        "The question holds no word or number; ask in Chinese or English.",
    ),
    "question_long": (
        "问题有 {length:,} 字，上限是 {limit:,} 字。",
        "The question has {length:,} characters (limit {limit:,}); ask in fewer, or raise question_characters in "
        "AnswerSettings.",
    ),
    "articles_changed": (
        "可能回答它的文章改过了；请重新建立索引。",
        "The articles that may answer this have changed; run `qa build`.",
    ),
    "asking_failed": ("出错了，详情见服务器的日志。", "Something went wrong; the log of the server says what."),
    # what ails a setting that can be tried on the page
    "no_number": ("“{value:.40}”不是数。", "{value!r:.40} is no number."),
    "setting_weights": (
        "检索的权重要在 0 到 100 之间，不能全是 0：{weights}。",
        "Search weights must be 0 to 100, not all 0: {weights}.",
    ),
    "setting_confidence": (
        "拒答的把握要在 0 到 1 之间，不能是 {value}。",
        "minimum_confidence must be 0 to 1, not {value}.",
    ),
    # what ails a report, or a file of feedback
    "report_unreadable": ("报告 {path} 读不了：{reason}。", "The report {path} cannot be read: {reason}."),
    "no_report": (
        "{path} 不是 JSON；请用评测保存下来的报告。",
        "{path} is not JSON; name what `qa eval --output` wrote.",
    ),
    "no_outcomes": (
        "{path} 里没有每一题的结果；请重新评测，再保存一份。",
        "{path} holds no outcome of each question; write it anew with `qa eval --output`.",
    ),
    "feedback_full": ("{path} 满了：请看过之后把它移走。", "{path} is full: look at what it holds, and move it away."),
    "feedback_unwritable": ("{path} 写不进去：{reason}。", "{path} cannot be written: {reason}."),
}  # fmt: skip
