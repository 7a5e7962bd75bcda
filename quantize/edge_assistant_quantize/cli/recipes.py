"""`edge-quantize recipes`: the recipes that come with the package."""

from __future__ import annotations

import argparse
import json
import tomllib

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
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """List or show; 0.

    Raises:
        UsageError: there is no such recipe, or none is named.
    """
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
        told = {name: {"role": recipe.role, "description": recipe.description} for name, recipe in recipes.items()}
        print(json.dumps(told))
        return
    for name, recipe in recipes.items():
        held = [f"{each.metric}: {each.criterion.text}" for each in recipe.measurements if each.criterion is not None]
        print(f"{name:<12}{recipe.description}")
        print(f"{'':<12}{'; '.join(held)}")
