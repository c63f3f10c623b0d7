"""An incomplete English question made whole; how is told in `follow_up`."""

import re

from qa.phrasing import DATE, content, ends_with_relation, plain, statement, subject
from qa.text import terms
from qa.turns import INTERCHANGEABLE, ORDINALS, PLACE, Turn, antecedent, interchanged_in

_MOST_WORDS = 9  # of a part that is put into a question, and of a question that names nothing
_NAME = 3  # words of a single name, which an object cannot point back to

_CONTINUES = re.compile(r"(?:(?:and|but|so|then|also|or|ok|okay|well|now|plus)\b[\s,]*)+", re.IGNORECASE)
_WHAT_ABOUT = re.compile(r"(?:(?:what|how) about|what of|the same (?:for|about))\b\s*", re.IGNORECASE)
_POLITE = re.compile(
    r"(?:(?:can|could|would) you (?:please )?(?:tell me|explain)|please(?: tell me)?|do you know)\s+", re.IGNORECASE
)
_ASKS_TO_GO_ON = re.compile(
    r"(?:please |can you |could you )?"
    r"(?:(?:tell me|say|explain|know) more|(?:give (?:me )?)?more(?: details?| information| info)?|any more|any others?"
    r"|(?:any )?details?|go on|continue|elaborate|explain|be more specific|(?:any|some)thing else"
    r"|(?:what|who|where) else"
    r"|what do you mean|for example|for instance|such as|like what|in what way|then|really|give (?:me )?an example)"
    r"(?: (?:about )?(?:it|that|this|them))?(?: please)?",
    re.IGNORECASE,
)
_WHY = re.compile(r"why (?:is|was) (?:that|this|it)|why so|how come|how so", re.IGNORECASE)

_AUXILIARY = "(?:do|does|did|is|are|was|were|has|have|had|can|could|will|would|should|may|am)"
_ASKS = "(?:which|what|how many|how much|whose)"
_NO_NOUN = (  # what may follow “that” or “this” and is not what it points to
    "(?:mean|work|help|take|cost|matter|happen|compare|affect|apply|last|look|change|make|say|come|not|the|from|for|called|with"
    r"|important|possible|true|useful|necessary|different|difficult|available|good|bad)\b"
)
_REFERS = re.compile(
    r"\b(?:(?P<person>he|him|his|she|her|hers)|(?P<place>there)"
    rf"|(?P<thing>its?|they|them|theirs?|the (?:former|latter)(?=$| {_AUXILIARY}\b)|the (?:{ORDINALS}) one"
    r"|(?:this|that|these|those)(?! (?:year|month|week|morning|who|which|are|were))"
    rf"(?: (?!{_NO_NOUN})(?P<noun>[a-z]{{3,}}))?))\b",
    re.IGNORECASE,
)
_EXPLETIVE = re.compile(
    r"\bit\b (?:\w+ ){0,4}?(?:to|that|for|whether|if|who|when)\b(?= \w)"
    r"|\bit(?:'s| is| was) (?:\w+ ){1,4}(?:to|that|who)\b"
    r"|\bdoes it take\b|\bit takes?\b|\bit costs?\b|\btime is it\b|\bis it true\b|\bit (?:rain|snow)s?\b",
    re.IGNORECASE,
)
_THERE_IS = re.compile(
    r"\b(?:is|are|was|were|be|been|has|have|will) there\b|\bthere (?:is|are|was|were|be|been|has|have|will|any)\b",
    re.IGNORECASE,
)
_REPORTS = re.compile(
    rf"^{_ASKS}(?: \w+){{1,4}}? (?:says?|said|claim\w*|believ\w*|think\w*|thought|announc\w*|report\w*)\b",
    re.IGNORECASE,
)
_HAS_OWN_SUBJECT = re.compile(rf"^{_ASKS} (?:(?!{_AUXILIARY}\b)\w+ ){{2,5}}$", re.IGNORECASE)
_ASKS_FOR_OBJECT = re.compile(rf"^(?:(?:in|on|at|to|from|for|by) )?{_ASKS}\b[^,]* {_AUXILIARY} $", re.IGNORECASE)
_WHO_DID = re.compile(rf"^who (?!{_AUXILIARY}\b)\w+ $", re.IGNORECASE)
_BEFORE_OBJECT = re.compile(
    r"\b(?:about|for|with|of|on|to|by|from|in|at|into|over|through|support|use|like|make|made|develop)\s$",
    re.IGNORECASE,
)
_POSSESSIVES = frozenset(["its", "their", "his", "theirs", "hers"])
_MANY = frozenset(["they", "them", "their", "these", "those"])

_PREPOSITION = re.compile(r"(in|on|at|for|from|to|by|with|during|before|after)\s", re.IGNORECASE)
_NOUNS = r"(?:(?!(?:in|on|at|for|of|from|to|by|with)\b)[\w'’-]+ ?)+(?<! )"
_HOW = "how(?: (?:much|old|long|far|big|large|often|deep|high|tall|fast))?"
_ADVERB = re.compile(rf"(?:(?:from|for|since|until|by) )?(?:when|where|why|{_HOW})\b", re.IGNORECASE)
_ONLY_ASKS = re.compile(
    rf"(?:{_ADVERB.pattern}|(?:(?:by|from|with|for) )?(?:who|whom|what))(?: (?:exactly|not|so|then))?", re.IGNORECASE
)
_BEGINS_LIKE_A_QUESTION = re.compile(
    r"(?:(?:from|for|since|until|by|with|in|at|on|to) )?"
    rf"(?:who|whom|whose|what|which|when|where|why|how|any|{_AUXILIARY})\b",
    re.IGNORECASE,
)
_IS_SOMETHING = re.compile(r"(?:who|what|which)(?:['’]s| is| are| was| were)\b", re.IGNORECASE)
_COUNTED = re.compile(r"(?:how many|how much|which|what kinds? of) (?P<noun>\w+)(?: (?P<more>.*))?", re.IGNORECASE)
_SUPERLATIVE = re.compile(r"\b(?:most|least|first|best|worst|only|\w{3,}est)\b", re.IGNORECASE)


def complete_english(text: str, last: Turn) -> str:
    """The whole question, or nothing where the text is one already."""
    continues = _CONTINUES.match(text)
    rest = text[continues.end() :] if continues else text
    what_about = _WHAT_ABOUT.match(rest)
    body = rest[what_about.end() :] if what_about else rest
    asked = _WHY.sub("why", _POLITE.sub("", body)) if _WHY.fullmatch(body) else _POLITE.sub("", body)
    if not body:
        return ""
    if _ASKS_TO_GO_ON.fullmatch(rest):
        return f"Tell me more about {subject(last.question)}: {statement(last.question)}"
    if not _BEGINS_LIKE_A_QUESTION.match(body) and _is_part(body, last, bool(what_about or continues)):
        return _with_part(body, last)
    if asked != "why" and (resolved := _resolved(rest, last)):
        return f"{_capitalised(resolved)}?"
    if not re.search(r"\b(?:you|i|we)\b", asked, re.IGNORECASE) and _names_nothing(asked, last):
        return _about(asked, last)
    return ""


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _is_part(body: str, last: Turn, continues: bool) -> bool:
    """Whether a text that does not begin like a question is a part to put into the last one."""
    if continues:
        return len(body.split()) <= _MOST_WORDS
    bare = _bare(body)
    is_like = len(bare.split()) <= _NAME and set(terms(content(bare))) & set(terms(content(subject(last.question))))
    is_phrase = bool(_PREPOSITION.match(body)) and len(body.split()) <= _NAME + 1
    return bool(interchanged_in(last.question, bare) or is_like or is_phrase)


def _bare(body: str) -> str:
    return re.sub(r"^(?:(?:in|on|at|for|of|from|to|by|with|since|the|a|an)\s+)+", "", body, flags=re.IGNORECASE)


def _with_part(body: str, last: Turn) -> str:
    """The last question with a part in it: in the place of its like, of what was asked, or of the subject."""
    previous, about, bare = plain(last.question), subject(last.question), _bare(body)
    if interchanged := interchanged_in(previous, bare):
        return f"{interchanged}?"
    preposition = _PREPOSITION.match(body)
    if PLACE.fullmatch(bare) or preposition:
        alike = re.compile(rf"\b({preposition.group(1) if preposition else 'in'}) (?:the )?{_NOUNS}", re.IGNORECASE)
        if alike.search(previous):
            return f"{alike.sub(lambda old: f'{old.group(1)} {bare}', previous, count=1)}?"
    if any(kind.fullmatch(bare) for kind in INTERCHANGEABLE):
        if preposition or re.match("last|this|next", bare):
            return f"{previous} {body}?"
        return f"{previous} {'in' if DATE.fullmatch(bare) or PLACE.fullmatch(bare) else 'for'} {body}?"
    if resolved := _resolved(body, last):
        return f"What is {resolved}?"
    if not content(bare):
        return f"What is the {bare} of {about}?"
    if any(bare.lower() in quote.lower() for quote in last.quotes) or about not in previous:
        return f"{_capitalised(bare)}: {statement(previous)}?"
    return f"{previous.replace(about, body, 1)}?"


def _resolved(text: str, last: Turn) -> str:
    """The text with its first reference beyond itself resolved; empty where there is none."""
    if _EXPLETIVE.search(text):
        return ""
    for found in _REFERS.finditer(text):
        before, after = text[: found.start()], text[found.end() :]
        is_named = bool(found["noun"]) and not set(terms(found["noun"])).isdisjoint(terms(subject(last.question)))
        if _is_bound(before, found, after) and not (is_named and not content(before)):
            continue
        kind = "person" if found["person"] else "place" if found["place"] else "thing"
        pointed = antecedent(last, kind, many=found.group().lower() in _MANY)
        return f"{before}{_standing_for(found, pointed, after)}{after}"
    return ""


def _is_bound(before: str, found: re.Match[str], after: str) -> bool:
    """Whether a reference points to nothing, or may point to something named before it in the same question."""
    word, named = found.group().lower(), content(before).split()
    if _REPORTS.search(before) or (word in _POSSESSIVES and _HAS_OWN_SUBJECT.search(before)):
        return True
    if word in _POSSESSIVES - {"its"} and _WHO_DID.search(before):
        return True
    if found["place"]:
        return bool(_THERE_IS.search(found.string) or PLACE.search(before) or after.strip())
    if word.startswith(("that", "those")):
        return bool(named) or not _points(found, before, after)
    if _ASKS_FOR_OBJECT.search(before) and word not in _POSSESSIVES:
        return False
    is_object = _BEFORE_OBJECT.search(before) and not after.strip() and "," not in before
    return bool(named) and not (is_object and len(named) <= _NAME)


def _points(found: re.Match[str], before: str, after: str) -> bool:
    """Whether “that” points to something and joins no clause: “that team”, “does that help?”, “who said that?”."""
    if found["noun"]:
        return ends_with_relation(found["noun"]) and not re.match(r" (?:the|an?|of|his|her|its|their)\b", after)
    return not after.strip() or re.search(rf"\b{_AUXILIARY}\s$", before, re.IGNORECASE) is not None


def _standing_for(found: re.Match[str], pointed: str, after: str) -> str:
    """What is pointed to for “it”, its genitive for “its”; “the team of …” for “this team” where it is none itself."""
    word, noun = found.group().lower(), found["noun"]
    if word in _POSSESSIVES or (word == "her" and re.match(r" [a-z]{3,}", after)):
        return f"{pointed}’" if pointed.endswith("s") else f"{pointed}’s"
    if found["place"]:
        return f"in {pointed}"
    if word.startswith("the "):
        return f"{word} of {pointed}"
    if noun and not set(terms(noun)) & set(terms(pointed)):
        return f"the {noun} of {pointed}" if ends_with_relation(noun) else f"{pointed} {noun}"
    return pointed


def _names_nothing(body: str, last: Turn) -> bool:
    """Whether a question has no subject: all its words are listed, or all but the noun that it counts."""
    if len(body.split()) > _MOST_WORDS or not _BEGINS_LIKE_A_QUESTION.match(body):
        return False
    if _SUPERLATIVE.search(body) or re.search(r"\bit\b", body):
        return False
    if not content(body):
        return True
    counted = _COUNTED.fullmatch(body)
    if not counted:
        return False
    context = set(terms(" ".join(map(plain, (last.question, *last.quotes)))))
    return not counted["more"] or (not content(counted["more"]) and set(terms(counted["noun"])) <= context)


def _about(body: str, last: Turn) -> str:
    """A question that names nothing, about the last subject."""
    previous, about = plain(last.question), subject(last.question)
    if _ONLY_ASKS.fullmatch(body):
        swapped = re.match(rf"{_ADVERB.pattern}(?=\s{_AUXILIARY}\b)", previous, re.IGNORECASE)
        if swapped and _ADVERB.match(body):
            return f"{_capitalised(body)}{previous[swapped.end() :]}?"
        if _IS_SOMETHING.match(previous) and re.match("where|when", body, re.IGNORECASE):
            return f"{_capitalised(body)} is {about}?"
        return f"{_capitalised(body)}: {statement(previous)}?"
    if re.match("who sa", body, re.IGNORECASE):
        return f"{_capitalised(body)}: {statement(previous)}?"
    if ends_with_relation(body):
        return f"{_capitalised(body)} of {about}?"
    if re.match(r"(?:who|what) \w+$", body, re.IGNORECASE):
        return f"{_capitalised(body)} {about}?"
    return f"{_capitalised(body)}, about {about}?"
