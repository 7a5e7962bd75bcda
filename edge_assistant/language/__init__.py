"""The language model: engine, chat templates, grammars."""
