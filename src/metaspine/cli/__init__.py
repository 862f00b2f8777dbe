"""The command line: words to arguments, results to text."""

from metaspine.cli.app import main

__all__ = ["main"]
