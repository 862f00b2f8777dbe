"""Where the commands' tests find the small DICOM series that the readers' tests write."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "exchange"))
