"""Python runs this at its start where the folder is on its path: llama.cpp then gives way to `plain_model`."""

import importlib.machinery
import sys
from pathlib import Path

_MODULE = "edge_assistant.language.engine"


class _Finder:
    """Finds the engine's module, and has its class replaced once that is loaded."""

    def find_spec(self, name, path, target=None):
        if name != _MODULE:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            sys.path.insert(0, str(Path(__file__).parents[2]))
            from helpers.plain_model import PlainEngine

            module.LlamaEngine = PlainEngine

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, _Finder())
