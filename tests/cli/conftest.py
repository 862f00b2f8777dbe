"""The program run in the tests' own process, where its start would take longer than the test; and one plan for all."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "exchange"))

from test_commands import metaspine, plan_arguments

from metaspine.cli import main

Finished = subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def planning(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """``metaspine plan`` of the example T12, as its users run it; the folder is the last of its arguments."""
    return metaspine(*plan_arguments("t12", "T12", tmp_path_factory.mktemp("planned") / "t12"))


@pytest.fixture
def metaspine_here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Finished]:
    """The program with its whole way from arguments to exit code and streams, without starting a process."""

    def run(*arguments: str | Path) -> Finished:
        command = ["metaspine", *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", command)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Finished(command, int(ended.value.code or 0), *capsys.readouterr())

    return run
