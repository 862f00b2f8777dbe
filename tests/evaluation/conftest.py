"""The closed forms and the vendors' tables live with the validation programs; the tests use the same ones."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
