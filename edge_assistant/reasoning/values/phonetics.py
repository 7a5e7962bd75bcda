"""When a name as it was heard is the same as one that was written: by its letters and by its sound."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from fractions import Fraction

from edge_assistant.reasoning.rules.vocabulary import vocabulary

_RHYMES = ("BCDEGPTVZ", "AJKH", "FSX", "MN", "IY", "QUW")  # letters as English speaks them
_SAME_IN_CODE = 4  # characters that must be the same where others only sound alike
_LONGEST = 64  # letters of a name that are compared; edit distance takes their square
# How English spells one sound in several ways; in this order, on lower-case letters without accents
_SPELLINGS = (
    (r"^kn|^gn|^pn", "n"), (r"^wr", "r"), (r"^x", "z"), (r"ph", "f"), (r"ght", "t"), (r"tch", "ch"), (r"sch|sh", "S"),
    (r"ch", "S"), (r"th", "t"), (r"ck|q", "k"), (r"c(?=[eiy])", "s"), (r"c", "k"), (r"x", "ks"),
    (r"(?<=[aeiou])w(?=[^aeiou]|$)", ""), (r"(?<!^)h", ""), (r"(?<=[^aeiouy])(?:le|el|al)$", "l"),
    (r"ai|ay|ei|ey|eigh", "A"), (r"ee|ea", "E"), (r"oo|ou|ue|ew", "u"), (r"oa|oe", "o"),
    (r"a(?=[^aeiouyA-Z]e$)", "A"), (r"(?<=.)e$", ""), (r"y", "i"), (r"z", "s"), (r"(.)\1+", r"\1"),
)  # fmt: skip
_SOUNDS = tuple((re.compile(pattern), replacement) for pattern, replacement in _SPELLINGS)


def similar_names(a: str, b: str) -> bool:
    """Whether two words or joined words can be one name: the same but for spelling or mishearing.

    Where the consonants are the same by Metaphone, sounds may differ by the tolerance `name`, else by `misheard`.
    A final a is heard: Martin is not Martina.

    >>> similar_names("Hail", "Hale"), similar_names("amlowdipping", "amlodipine")
    (True, True)
    >>> similar_names("Hall", "Hale"), similar_names("Martin", "Martina")
    (False, False)
    """
    from jellyfish import levenshtein_distance, metaphone

    one, other = plain_letters(a), plain_letters(b)
    if one == other:
        return bool(one)
    if not one or not other or one.isdigit() or other.isdigit():
        return False
    left, right = sound(one), sound(other)
    if left == right:
        return True
    if left.endswith("a") != right.endswith("a"):
        return False
    rule = "name" if metaphone(one) == metaphone(other) else "misheard"
    most = vocabulary().tolerances[rule].share * max(len(left), len(right))
    return Fraction(levenshtein_distance(left, right)) <= most


def same_name(a: Sequence[str], b: Sequence[str]) -> bool:
    """Whether the words of two names can be one name: each word of the shorter has its like in the longer.

    An initial is like every word that begins with it, but something longer must be alike too.
    """
    if similar_names("".join(a), "".join(b)):
        return True
    shorter, longer = sorted((a, b), key=len)
    left, whole = list(longer), False
    for word in sorted(shorter, key=len, reverse=True):
        match = next((other for other in left if similar_names(word, other)), None)
        initial = next((o for o in left if (len(o) == 1 or len(word) == 1) and o[:1] == word[:1]), None)
        if match is None and initial is None:
            return False
        left.remove(match or initial or "")
        whole = whole or (match is not None and len(word) > 1)
    return whole


def sound(word: str) -> str:
    """A word as it sounds, its vowels kept, for names are told apart by them; own rules, after those of Metaphone.

    >>> sound("hale"), sound("hail"), sound("hall"), sound("rammypril")
    ('hAl', 'hAl', 'hal', 'ramipril')
    """
    for pattern, replacement in _SOUNDS:
        word = pattern.sub(replacement, word)
    return word


def same_sound(heard: str, code: str) -> bool:
    """Whether a code as it was heard can be one as it is written: its digits, and letters that rhyme with its own.

    At least four characters must be the very same. A first letter may be lost, for "is RM" is heard as "are M".

    >>> same_sound("D76396", "B76396"), same_sound("M320230", "RM320230"), same_sound("B76397", "B76396")
    (True, True, False)
    """
    if len(heard) == len(code) - 1 and code.endswith(heard) and code[0].isalpha():
        return len(heard) >= _SAME_IN_CODE + 2
    alike = sum(a == b for a, b in zip(heard, code, strict=False))
    rhyme = all(
        a == b or any(a in letters and b in letters for letters in _RHYMES) for a, b in zip(heard, code, strict=False)
    )
    return len(heard) == len(code) and alike >= _SAME_IN_CODE and rhyme


def plain_letters(text: str) -> str:
    """Lower-case letters and digits without accents."""
    folded = unicodedata.normalize("NFKD", text.casefold()).replace("ß", "ss").replace("ø", "o")
    letters = "".join(filter(str.isalnum, folded))
    return ("".join(filter(str.isascii, letters)) or letters)[:_LONGEST]
