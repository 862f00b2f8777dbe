"""``python -m metaspine`` runs the command line."""

from metaspine.cli import main

main()
