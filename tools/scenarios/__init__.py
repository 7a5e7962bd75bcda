"""Our own scenario set: what is drawn, how it is said, printed and measured. The command is tools/make_scenarios.py."""
