"""Words in characters that nobody sees, or that look like others."""

from __future__ import annotations

_CYRILLIC = str.maketrans("aceiopsxyABCEHIKMOPTX", "асеіорѕхуАВСЕНІКМОРТХ")


def hide(words: str, how: str) -> str:
    """Words as they are hidden; `how` is the corpus's key, empty for as they are."""
    match how:
        case "tags":  # U+E0000: once meant for languages, shown by nothing, read by some tokenizers as ASCII
            return "".join(chr(0xE0000 + ord(c)) for c in words)
        case "selectors":  # a byte in each variation selector behind one letter
            return "." + "".join(chr(0xE0100 + byte - 16 if byte >= 16 else 0xFE00 + byte) for byte in words.encode())
        case "bits":
            return "".join("\u200b\u200c"[int(bit)] for byte in words.encode() for bit in f"{byte:08b}")
        case "zero width":
            return "\u200b".join(words)
        case "hyphens":
            return "\u00ad".join(words)
        case "override":  # what is read from right to left, and shown as the words are
            return f"\u202e{words[::-1]}\u202c"
        case "isolates":
            return f"\u2066{words}\u2069\u2067\u2069"
        case "cyrillic":
            return words.translate(_CYRILLIC)
        case "full width":
            return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in words)
        case "bold":
            return "".join(_bold(c) for c in words)
        case "flood":
            return "".join(c + "\u0315\u0335\u0340\u0489" * 40 for c in words)
        case "controls":
            return "\x7f".join(words) + "\x08\x08"
        case "concealed":
            return f"\x1b[8m{words}\x1b[28m"
        case _:
            return words


def reveal(text: str) -> str:
    """A text as a model reads that knows each of these ways; for the stub, which obeys what it can decode."""
    tags = "".join(chr(ord(c) - 0xE0000) for c in text if 0xE0020 <= ord(c) <= 0xE007E)
    selectors = bytes(
        ord(c) - 0xFE00 if ord(c) < 0xFE10 else ord(c) - 0xE0100 + 16
        for c in text
        if 0xFE00 <= ord(c) < 0xFE10 or 0xE0100 <= ord(c) < 0xE01F0
    ).decode("utf-8", "replace")
    bits = "".join("01"["\u200b\u200c".index(c)] for c in text if c in "\u200b\u200c")
    octets = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits) - 7, 8)).decode("utf-8", "replace")
    return f"{text} {tags} {selectors} {octets}"


def _bold(c: str) -> str:
    if "a" <= c <= "z":
        return chr(0x1D41A + ord(c) - ord("a"))
    return chr(0x1D400 + ord(c) - ord("A")) if "A" <= c <= "Z" else c
