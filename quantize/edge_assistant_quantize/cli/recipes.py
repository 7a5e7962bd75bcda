"""`edge-quantize recipes`: the recipes that come with the package."""

from __future__ import annotations

import argparse
import json
import tomllib

from edge_assistant_quantize import arguments
from edge_assistant_quantize.errors import UsageError

NAME = "recipes"
HELP = "list the recipes that there are, or print one to start from"

EXAMPLES = """examples:
  edge-quantize recipes
  edge-quantize recipes show speech > speech-ours.toml"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("action", nargs="?", choices=("list", "show"), default="list", metavar="list|show")
    parser.add_argument("name", nargs="?", metavar="NAME", help="of the recipe to show")
    arguments.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """List or show; 0."""
    from edge_assistant_quantize.recipes import loading

    shipped = loading.presets()
    if args.action == "list":
        _list(shipped, as_json=args.json)
        return 0
    if args.name not in shipped:
        what = f"there is no recipe '{args.name}'" if args.name else "no recipe is named"
        raise UsageError(what, f"name one of {', '.join(shipped)}")
    text = shipped[args.name].decode()
    print(json.dumps(tomllib.loads(text)) if args.json else text, end="\n" if args.json else "")
    return 0


def _list(shipped: dict[str, bytes], *, as_json: bool) -> None:
    """Name, description and criteria of each."""
    from edge_assistant_quantize.recipes import loading

    recipes = {name: loading.load(name) for name in shipped}
    if as_json:
        facts = {name: {"role": recipe.role, "description": recipe.description} for name, recipe in recipes.items()}
        print(json.dumps(facts))
        return
    for name, recipe in recipes.items():
        held = "; ".join(f"{criterion.metric}: {criterion.text}" for criterion in recipe.criteria)
        print(f"{name:<12}{recipe.description}\n{'':<12}{held}")
