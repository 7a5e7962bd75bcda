"""The JSON schema of a client as a form: bounded, without what is not supported, and as a grammar for the model.

Every value may be null in the grammar, whatever the schema says, so that a model is never made to invent one. The
grammar is written here, as that of llama-cpp-python lets backslashes of names through and nests `maxLength` rules.
"""

from __future__ import annotations

import ipaddress
import json
import math
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, NoReturn

from edge_assistant.core.errors import UsageError

SCHEMA_BYTES = 16 << 10  # over about 100 KB llama.cpp fails (llama.cpp#25895)
MOST_DEPTH = 5  # objects and lists in one another
MOST_PARTS = 48  # values, lists and objects, each as often as it is referred to
MOST_OPTIONS = 64  # of an enum
MOST_CHARACTERS = 200  # of a value
MOST_ITEMS = 11  # of a list
MOST_SHOWN = 10_000  # characters of a form as the model reads it, about 2,900 tokens of its 4,096
_NAME_CHARACTERS = 64
_TOLD_CHARACTERS = 160  # of a description

MOMENTS = {  # formats of days and times
    "date": '[0-9]{4} "-" [0-9]{2} "-" [0-9]{2}',
    "time": '[0-9]{2} ":" [0-9]{2} ":" [0-9]{2}',
    "date-time": '[0-9]{4} "-" [0-9]{2} "-" [0-9]{2} "T" [0-9]{2} ":" [0-9]{2} ":" [0-9]{2}',
}
_READ: Mapping[str, Callable[[str], object]] = {
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "date-time": datetime.fromisoformat,
    "email": re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+").fullmatch,
    "hostname": re.compile(r"[a-z\d]([a-z\d.-]*[a-z\d])?", re.I).fullmatch,
    "ipv4": ipaddress.IPv4Address,
    "ipv6": ipaddress.IPv6Address,
    "uri": re.compile(r"[a-z][a-z\d+.-]*:\S+", re.I).fullmatch,
    "uuid": uuid.UUID,
}
_NUMBERS = {
    "integer": '"-"? ("0" | [1-9] [0-9]{0,14})',
    "number": '"-"? ("0" | [1-9] [0-9]{0,14}) ("." [0-9]{1,9})?',
}
_MEANINGLESS = {"title", "default", "examples", "deprecated", "readOnly", "writeOnly", "$schema", "$id", "$comment"}
_KNOWN = {
    "string": {"minLength", "maxLength", "format"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
    "integer": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
    "boolean": set[str](),
    "array": {"items", "minItems", "maxItems"},
    "object": {"properties", "required", "additionalProperties"},
}


@dataclass(frozen=True, slots=True)
class FormValue:
    """A single value.

    Attributes:
        kind: `string`, `number`, `integer` or `boolean`.
        nullable: whether it may be null.
        told: its description.
        options: of an enum; a single one is a constant.
        format: `date`, `time`, `date-time`, or "".
        least: of a text its least length, of a number its least value.
        most: the greatest.
        excluded: ends of a number's range that do not belong to it.
    """

    kind: str
    nullable: bool = False
    told: str = ""
    options: tuple[Any, ...] = ()
    format: str = ""
    least: float = -math.inf
    most: float = math.inf
    excluded: tuple[float, ...] = ()

    def admits(self, value: object) -> bool:
        """Whether the schema admits a value that is not null."""
        if isinstance(value, str):
            fits = self.least <= len(value) <= self.most and _has_format(value, self.format)
            return fits and (not self.options or value in self.options)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return isinstance(value, bool)
        return self.least <= value <= self.most and value not in self.excluded


@dataclass(frozen=True, slots=True)
class FormList:
    """A list of values or objects that are alike."""

    item: FormPart
    nullable: bool = False
    told: str = ""
    least: int = 0
    most: int = MOST_ITEMS


@dataclass(frozen=True, slots=True)
class FormObject:
    """An object with its properties by name."""

    parts: Mapping[str, FormPart]
    required: frozenset[str] = frozenset()
    nullable: bool = False
    told: str = ""


FormPart = FormValue | FormList | FormObject


def parse(text: str) -> FormObject:
    """The form of a JSON schema.

    Raises:
        UsageError: it is none, too large, or has something that is not supported.
    """
    if len(text.encode("utf-8", "surrogatepass")) > SCHEMA_BYTES:
        _refuse("", f"it has over {SCHEMA_BYTES >> 10} KiB")
    try:
        schema = json.loads(text, parse_constant=_no_number)
        json.dumps(schema, ensure_ascii=False, allow_nan=False).encode()  # half a code point is none, and so is 1e999
    except (ValueError, RecursionError):
        _refuse("", "it is no JSON")
    form = _Parser(schema).part(schema, "", 0, ())
    if not isinstance(form, FormObject) or form.nullable:
        _refuse("", "it has to be of the type object")
    if len(_json(outline(form))) + sum(map(len, descriptions(form))) > MOST_SHOWN:
        _refuse("", f"its names, options and descriptions have over {MOST_SHOWN:,} characters")
    return form


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)


def _refuse(where: str, what: str) -> NoReturn:
    raise UsageError(f"the schema{f' at {where[:_NAME_CHARACTERS]}' if where else ''}: {what}", "see docs/api.md")


@dataclass(slots=True)
class _Parser:
    """Reads one schema."""

    root: Any
    count: int = 0

    def part(self, schema: Any, where: str, depth: int, inside: tuple[str, ...]) -> FormPart:  # noqa: ANN401 - JSON
        """A part of the form; `inside` are the references that lead to it."""
        self._counted(where)
        if depth > MOST_DEPTH:
            _refuse(where, f"it is nested over {MOST_DEPTH} deep")
        schema, nullable, inside = self._plain(schema, where, inside)
        kind = self._kind(schema, where)
        told = schema.get("description", "")
        told = " ".join(told.split())[:_TOLD_CHARACTERS] if isinstance(told, str) else ""
        if "enum" in schema or "const" in schema:
            return FormValue(kind, nullable, told, self._options(schema, kind, where))
        if unknown := sorted({*schema} - _KNOWN[kind] - _MEANINGLESS - {"type", "description", "$defs", "definitions"}):
            _refuse(where, f"'{unknown[0][:_NAME_CHARACTERS]}' is not supported")
        if kind == "object":
            return self._object(schema, where, depth, inside, nullable, told)
        if kind == "array":
            ends = _lengths(schema, ("minItems", "maxItems"), MOST_ITEMS, where, "a list has 1 to {} items")
            return FormList(self.part(schema.get("items"), f"{where}[]", depth + 1, inside), nullable, told, *ends)
        return self._value(schema, kind, where, nullable, told)

    def _plain(
        self,
        schema: Any,  # noqa: ANN401 - JSON
        where: str,
        inside: tuple[str, ...],
    ) -> tuple[dict[str, Any], bool, tuple[str, ...]]:
        """A schema without references and alternatives to null, and whether it may be null."""
        nullable = False
        while True:
            if not isinstance(schema, dict):
                _refuse(where, "it is no object of JSON")
            beside = {key: value for key, value in schema.items() if key in _MEANINGLESS | {"description"}}
            if "$ref" in schema:
                name = schema["$ref"]
                if name in inside:
                    _refuse(where, "it refers to itself")
                inside, chosen = (*inside, name), self._referred(name, where)
            elif key := next((key for key in ("anyOf", "oneOf", "allOf") if key in schema), None):
                some = schema[key] if isinstance(schema[key], list) else []
                others = [one for one in some if one not in ({"type": "null"}, {"const": None})]
                if len(others) != 1:
                    _refuse(where, "of anyOf only one form and null is supported")
                nullable, chosen = nullable or len(others) < len(some), others[0]
            else:
                return schema, nullable or _admits_null(schema), inside
            if not isinstance(chosen, dict) or len({*schema} - {*beside, "$defs", "definitions"}) > 1:
                _refuse(where, "what stands beside a reference or alternatives is not supported")
            schema = chosen | beside
            self._counted(where)

    def _counted(self, where: str) -> None:
        self.count += 1
        if self.count > MOST_PARTS:
            _refuse(where, f"it has over {MOST_PARTS} parts")

    def _referred(self, name: object, where: str) -> object:
        found = re.fullmatch(r"#/(\$defs|definitions)/([^/~%]+)", name) if isinstance(name, str) else None
        table = self.root.get(found[1]) if found else None
        if not found or not isinstance(table, dict) or found[2] not in table:
            _refuse(where, "'$ref' leads to no definition of the schema itself")
        return table[found[2]]

    def _kind(self, schema: dict[str, Any], where: str) -> str:
        types = [name for name in _types(schema) if name != "null"]
        if not types:
            options = [one for one in _options(schema) if one is not None]
            kinds = {str: "string", bool: "boolean", int: "number", float: "number"}
            types = ["object"] if "properties" in schema else ["array"] if "items" in schema else []
            types = types or [*{kinds.get(type(one), "") for one in options}]
        if len(types) != 1 or not isinstance(types[0], str) or types[0] not in _KNOWN:
            _refuse(where, "it has to have one type, and null if wanted")
        kind: str = types[0]
        return kind

    def _object(
        self, schema: dict[str, Any], where: str, depth: int, inside: tuple[str, ...], nullable: bool, told: str
    ) -> FormObject:
        parts, required = schema.get("properties"), schema.get("required", [])
        if not isinstance(parts, dict) or not parts:
            _refuse(where, "an object has to have properties")
        if not isinstance(schema.get("additionalProperties", False), bool):
            _refuse(where, "'additionalProperties' is false, or is left out")
        if not isinstance(required, list) or not all(isinstance(name, str) and name in parts for name in required):
            _refuse(where, "'required' lists names of properties")
        for name in parts:
            if not 0 < len(name) <= _NAME_CHARACTERS or not name.isprintable() or set(name) & set(".[]"):
                _refuse(where, f"a name has 1 to {_NAME_CHARACTERS} printable characters, none of them . [ ]")
        within = f"{where}." if where else ""
        found = {name: self.part(part, f"{within}{name}", depth + 1, inside) for name, part in parts.items()}
        return FormObject(found, frozenset(required), nullable, told)

    def _value(self, schema: dict[str, Any], kind: str, where: str, nullable: bool, told: str) -> FormValue:
        form = schema.get("format", "")
        if form and (not isinstance(form, str) or form not in _READ):
            _refuse(where, f"of formats only {', '.join(_READ)} are supported")
        if kind == "boolean":
            return FormValue(kind, nullable, told)
        if kind == "string":
            keys = "minLength", "maxLength"
            least, most = _lengths(schema, keys, MOST_CHARACTERS, where, "a text has 1 to {} characters")
            return FormValue(kind, nullable, told, format=form, least=least, most=most)
        ends = {key: schema[key] for key in _KNOWN["number"] if key in schema}
        if any(isinstance(end, bool) or not isinstance(end, int | float) for end in ends.values()):
            _refuse(where, "the ends of a range are numbers")
        low = max((ends[key] for key in ("minimum", "exclusiveMinimum") if key in ends), default=-math.inf)
        high = min((ends[key] for key in ("maximum", "exclusiveMaximum") if key in ends), default=math.inf)
        excluded = tuple(ends[key] for key in ("exclusiveMinimum", "exclusiveMaximum") if key in ends)
        return FormValue(kind, nullable, told, least=low, most=high, excluded=excluded)

    def _options(self, schema: dict[str, Any], kind: str, where: str) -> tuple[Any, ...]:
        options = _options(schema)
        if not 0 < len(options) <= MOST_OPTIONS:
            _refuse(where, f"an enum has 1 to {MOST_OPTIONS} values")
        some = tuple(one for one in options if one is not None)
        if not all(_has_type(one, kind) for one in some):
            _refuse(where, f"its enum is not of the type {kind}")
        if not some or any(len(str(one)) > MOST_CHARACTERS for one in some):
            _refuse(where, f"an enum has values of 1 to {MOST_CHARACTERS} characters")
        return some


def _has_type(value: object, kind: str) -> bool:
    if isinstance(value, bool | str):
        return kind == ("boolean" if isinstance(value, bool) else "string")
    return isinstance(value, int | float) and kind in _NUMBERS and (kind == "number" or value % 1 == 0)


def _has_format(text: str, name: str) -> bool:
    """Whether a text is a day or a time that there is, or an address, if it has to be one."""
    try:
        return not name or bool(_READ[name](text))
    except ValueError:
        return False


def _admits_null(schema: Mapping[str, Any]) -> bool:
    """Whether null is of the type of a schema, and one of its options, as far as it has them."""
    options, types = _options(schema), _types(schema)
    return None in options if options and not types else "null" in types and (not options or None in options)


def _options(schema: Mapping[str, Any]) -> Sequence[Any]:
    found = schema.get("enum", [schema["const"]] if "const" in schema else [])
    return found if isinstance(found, list) else []


def _types(schema: Mapping[str, Any]) -> Sequence[Any]:
    found = schema.get("type", [])
    return found if isinstance(found, list) else [found]


def _lengths(schema: Mapping[str, Any], keys: tuple[str, str], bound: int, where: str, told: str) -> tuple[int, int]:
    """The least and the greatest length by two keys, the latter `bound` at most; `told` is said if there is none."""
    found = {key: schema[key] for key in keys if schema.get(key) is not None}
    for key, end in found.items():
        if isinstance(end, bool) or not isinstance(end, int) or end < 0:
            _refuse(where, f"'{key}' is a whole number")
    least, most = found.get(keys[0], 0), found.get(keys[1], bound)
    if least > bound or most < max(least, 1):
        _refuse(where, told.format(bound))
    return least, min(most, bound)


def outline(part: FormPart) -> Any:  # noqa: ANN401 - JSON
    """A form as the model is shown it: JSON with dots for what is to be filled in."""
    if isinstance(part, FormObject):
        return {name: outline(one) for name, one in part.parts.items()}
    if isinstance(part, FormList):
        return [outline(part.item)]
    if len(part.options) == 1:
        return part.options[0]
    choices = ("true", "false") if part.kind == "boolean" else map(str, part.options)
    return "|".join(choices) or part.format or "..."


def spaced(name: str) -> str:
    """The words of a name.

    >>> spaced("orderedItems"), spaced("ordered_items")
    ('ordered items', 'ordered items')
    """
    return " ".join(re.findall(r"[^\W_]+", re.sub(r"(?<=[a-z\d])(?=[A-Z])", " ", name))).lower()


def asks(form: FormObject) -> str:
    """What a form asks, as a question."""
    return f"What is the {', the '.join(map(spaced, form.parts))}?"


def descriptions(part: FormPart, path: str = "") -> Iterator[str]:
    """A line for each part that has a description."""
    if path and part.told:
        yield f"{path}: {part.told}"
    if isinstance(part, FormObject):
        for name, one in part.parts.items():
            yield from descriptions(one, f"{path}.{name}" if path else name)
    elif isinstance(part, FormList):
        yield from descriptions(part.item, f"{path}[]")


@dataclass(slots=True)
class _Rules:
    """The rules of a grammar as they are written."""

    written: list[str] = field(default_factory=list)

    def add(self, body: str) -> str:
        """A rule of its own; its name."""
        self.written.append(f"r{len(self.written)} ::= {body}")
        return f"r{len(self.written) - 1}"


def grammar(form: FormObject) -> str:
    """The grammar (GBNF) of a filled form as JSON in one line; every value, list and inner object may be null."""
    rules = _Rules()
    root = _body(form, rules.add)
    return "\n".join((f"root ::= {root}", r'ch ::= [^"\\\x00-\x1f\x7f] | "\\\\" | "\\\""', *rules.written, ""))


def _body(part: FormPart, add: Callable[[str], str]) -> str:
    if isinstance(part, FormObject):
        pairs = (
            f"{_json(_json(name) + ': ')} {add(_body(one, add) + _or_null(one))}" for name, one in part.parts.items()
        )
        return '"{" ' + ' ", " '.join(pairs) + ' "}"'
    if isinstance(part, FormList):
        item = add(_body(part.item, add))
        return f'"[" {item} (", " {item}){{0,{part.most}}} "]"'  # one more shows that the list is not whole
    if part.options:
        return " | ".join(_json(_json(one)) for one in part.options)  # literals are written as texts of JSON
    if part.kind == "boolean":
        return '"true" | "false"'
    if part.kind != "string":
        return _NUMBERS[part.kind]
    inside = MOMENTS.get(part.format) or f"ch{{1,{int(part.most) + 1}}}"  # the same
    return rf'"\"" {inside} "\""'


def _or_null(part: FormPart) -> str:
    return "" if isinstance(part, FormValue) and len(part.options) == 1 and not part.nullable else ' | "null"'


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
