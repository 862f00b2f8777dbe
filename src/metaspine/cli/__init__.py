"""The command line: words to arguments, results to text."""
