"""The landmark comparison lives with the validation programs; the tests use the same one."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
