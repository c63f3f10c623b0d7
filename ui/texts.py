"""Every word the page says of itself, in both languages."""

from typing import Any

from qa.text import Language

# key: (Chinese, English)
TEXTS: dict[str, tuple[str, str]] = {
    # the header
    "title": ("问据", "Wenju"),
    "motto": ("每句都有据可查", "Every sentence has its source"),
    "language": ("界面语言", "Language of the page"),
    "theme": ("外观", "Appearance"),
    "theme_light": ("浅色", "Light"),
    "theme_system": ("跟随系统", "As the system"),
    "theme_dark": ("深色", "Dark"),
    "ask_tab": ("提问", "Ask"),
    # asking
    "question": ("问题", "Question"),
    "question_hint": ("想知道什么？按 / 随时开始输入", "What would you like to know? Press / to type"),
    "ask": ("提问", "Ask"),
    "new_conversation": ("新对话", "New conversation"),
    "export_markdown": ("导出对话", "Export conversation"),
    "export_receipts": ("导出凭据", "Export receipts"),
    "searching": ("正在查找……", "Searching…"),
    # a first visit
    "welcome": ("问一个问题，看它的依据", "Ask a question, see the evidence"),
    "welcome_how": (
        "回答只由文章里的原句组成，每句都带编号；点编号就打开原文，并标出这一句。文章里没有的，会直说没有。",
        "Answers are sentences of the articles, word for word, each with a number; a number opens its article, with "
        "the sentence marked. What the articles do not say is refused.",
    ),
    "example_chinese": ("用中文问", "Ask in Chinese"),
    "example_english": ("用英文问，中文文章也会查", "Ask in English; Chinese articles are searched too"),
    "example_refused": ("问文章里没有的，看它怎样拒答", "Ask what no article says, and see it refuse"),
    "keys": (
        "快捷键：{slash} 输入问题，{numbers} 打开引用，{escape} 清空",
        "Keys: {slash} to type a question, {numbers} to open a citation, {escape} to clear",
    ),
    # an answer
    "conversation": ("对话", "Conversation"),
    "exchange": ("第 {number} 问", "Question {number}"),
    "confidence_high": ("很有把握", "Quite sure"),
    "confidence_middle": ("比较有把握", "Fairly sure"),
    "confidence_low": ("不太有把握", "Not very sure"),
    "confidence_title": ("文章里有答案的概率：{percent}%", "Probability that the articles hold the answer: {percent}%"),
    "citation": ("引用 {number}：{title}", "Citation {number}: {title}"),
    "conflict": ("文章的说法不一致", "The articles disagree"),
    "refusal": ("文章里没有答案", "The articles do not say"),
    "nearest": ("最接近的段落", "The nearest passages"),
    "open_passage": ("打开“{title}”里的这一段", "Open this passage of “{title}”"),
    "searched_as": ("按此检索", "Searched as"),
    "search_again": ("重新检索", "Search again"),
    "edit_searched": ("换个说法检索", "Search in other words"),
    "save_receipt": ("保存凭据", "Save receipt"),
    "answered_status": ("回答：{short}。{count} 处引用。", "Answer: {short}. Citations: {count}."),
    "refused_status": ("文章里没有答案。", "The articles do not say."),
    # the article
    "article": ("原文", "Article"),
    "nothing_shown": ("这里显示回答所引用的原文。", "The cited article appears here."),
    "nothing_cited": (
        "这个回答没有引用文章。点最接近的段落，可以在这里看它的原文。",
        "This answer cites no article. Open one of the nearest passages to read it here.",
    ),
    "citation_place": ("引用 {number} / {count}", "Citation {number} of {count}"),
    "passage_place": ("最接近的段落 {number} / {count}", "Nearest passage {number} of {count}"),
    "previous": ("上一处", "Previous"),
    "next": ("下一处", "Next"),
    "close": ("关闭", "Close"),
    "file": ("查看文件", "View file"),
    "zh": ("中文", "Chinese"),
    "en": ("英文", "English"),
    "gone": (
        "这处引用已不在文章里：文章改过了。请重新提问。",
        "This citation no longer stands in the article, which was changed. Ask again.",
    ),
    # why a passage
    "why": ("为什么是这一段？", "Why this passage?"),
    "why_words": (
        "问题里的词和这一段里的词这样对应，同色的是一对：",
        "Words of the question met words of the passage like this, one colour a pair:",
    ),
    "why_asked": ("问题", "Question"),
    "why_passage": ("段落", "Passage"),
    "why_headings": ("标题里还有：{words}", "And in its headings: {words}"),
    "why_terms": ("两边都有的词：{terms}", "Terms in both: {terms}"),
    "why_nothing": ("没有相同的词，是按整句意思找到的。", "No words in common: it was found by its meaning."),
    "why_ranks": (
        "在同一语言的段落里排名：{ranks}",
        "Its place among the passages of its language: {ranks}",
    ),
    "by_meaning": ("按整句意思第 {rank}", "{rank} by meaning"),
    "by_words": ("按逐词相近第 {rank}", "{rank} by like words"),
    "by_terms": ("按相同的词第 {rank}", "{rank} by same terms"),
    # what goes wrong
    "question_empty": (
        "请先写下问题：至少要有一个字、一个词或一个数。",
        "Type a question first: a word or a number at least.",
    ),
    "question_long": (
        "问题太长了，请缩短到 {limit} 字以内。",
        "The question is too long; ask in {limit} characters or fewer.",
    ),
    "articles_changed": (
        "文章在建索引之后改过，请重新建立索引（qa build），再问一次。",
        "The articles changed after the index was built; run `qa build`, then ask again.",
    ),
    "unreachable": (
        "服务器没有回应。请看看它是否还在运行，再问一次。",
        "The server does not answer. See whether it still runs, then ask again.",
    ),
    "index_kept": (
        "新的索引用不了，仍按旧的回答：{problem}",
        "The new index cannot be used; the one before still answers: {problem}",
    ),
    "index_problem": ("索引用不了：{problem}", "The index cannot be used: {problem}"),
    "nothing_asked": ("还没有问过什么。", "Nothing was asked yet."),
    "not_there": ("这一问已不在对话里，请重新提问。", "That question is no longer in the conversation; ask again."),
    # a language model's writing
    "written": (
        "语言模型根据文章写成，逐句核对过",
        "Written by a language model from the articles, each sentence checked",
    ),
    "unsupported": ("文章未支持此句：{reason}", "not supported by the articles: {reason}"),
}  # fmt: skip


def say(key: str, language: Language, **values: Any) -> str:
    """The text of a key in a language, its blanks filled in; raises KeyError for a key or blank that is not there."""
    chinese, english = TEXTS[key]
    return (chinese if language == "zh" else english).format(**values)
