"""The one-word commands: what set-up installs, when it does so again, what it says when it cannot, what demo expects.

Python, pip, apt and metaspine are stood in for by scripts that write down how they were called; the real set-up is
proved by ``scripts/bare_machine.sh``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
COPIED = ("pyproject.toml", "requirements.lock", "requirements-dev.lock", "scripts", "examples", ".ci", "Makefile")

PYTHON = """#!/bin/sh
case "$*" in
    *version_info*) exit ${OLD:-0} ;;
    *ensurepip*) [ -z "${NO_VENV:-}" ] || [ -e "$LOG.venv-installed" ] ;;
    -V) echo "Python 3.11.0" ;;
    "-m venv --clear .venv")
        rm -rf .venv
        mkdir -p .venv/bin
        echo "venv" >> "$LOG"
        printf '#!/bin/sh\\necho "$*" >> "$LOG"\\nexit ${PIP_FAILS:-0}\\n' > .venv/bin/python
        chmod +x .venv/bin/python ;;
esac
"""
APT = '#!/bin/sh\necho "apt-get $*" >> "$LOG"\ncase "$*" in *python3-venv*) touch "$LOG.venv-installed" ;; esac\n'
LOCKED = "-m pip install --require-hashes --only-binary :all: -r"
PACKAGE = "-m pip install --quiet --no-index --no-deps --no-build-isolation -e ."


class Clone:
    """A copy of the repository's machinery with stand-ins first in its PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "clone"
        self.log = folder / "log"
        self.tools = folder / "bin"
        self.tools.mkdir()
        self.folder.mkdir()
        for name in COPIED:
            (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, self.folder / name)
        self.tool("python3", PYTHON)
        self.tool("apt-get", APT)

    def tool(self, name: str, text: str) -> None:
        path = self.tools / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def run(self, *command: str, user: int = 0, **settings: str) -> subprocess.CompletedProcess[str]:
        self.tool("id", f"#!/bin/sh\necho {user}\n")
        environment = {"PATH": f"{self.tools}:/usr/bin:/bin", "LOG": str(self.log), **settings}
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=60
        )

    def calls(self) -> list[str]:
        return self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def test_set_up_installs_the_lock_by_hash_and_then_the_package(clone: Clone) -> None:
    assert clone.run("scripts/set_up").returncode == 0
    assert clone.calls() == ["venv", f"{LOCKED} requirements.lock", PACKAGE]


def test_set_up_is_skipped_when_nothing_changed_and_repeated_when_something_did(clone: Clone) -> None:
    clone.run("scripts/set_up")
    again = clone.run("scripts/set_up")
    assert again.stdout == ""
    assert clone.calls().count("venv") == 1
    for name in ("requirements.lock", "requirements-dev.lock", "pyproject.toml"):
        with (clone.folder / name).open("a", encoding="utf-8") as file:
            file.write("# changed\n")
        before = clone.calls().count("venv")
        clone.run("scripts/set_up")
        assert clone.calls().count("venv") == before + 1, name


def test_the_tests_packages_are_added_to_a_set_up_that_stands(clone: Clone) -> None:
    clone.run("scripts/set_up")
    clone.run("scripts/set_up", "with-tests")
    clone.run("scripts/set_up", "with-tests")
    assert clone.calls() == ["venv", f"{LOCKED} requirements.lock", PACKAGE, f"{LOCKED} requirements-dev.lock"]


def test_a_set_up_that_failed_is_done_again(clone: Clone) -> None:
    assert clone.run("scripts/set_up", PIP_FAILS="1").returncode != 0
    assert clone.run("scripts/set_up").returncode == 0
    assert clone.calls().count("venv") == 2


def test_settings_that_would_install_elsewhere_do_not_reach_pip(clone: Clone) -> None:
    clone.run("scripts/set_up")
    told = clone.folder / ".venv" / "bin" / "python"
    told.write_text('#!/bin/sh\necho "${PIP_TARGET-unset} ${PYTHONPATH-unset} ${PIP_CERT-unset}" >> "$LOG"\n')
    clone.run("scripts/set_up", "with-tests", PIP_TARGET="/elsewhere", PYTHONPATH="/elsewhere", PIP_CERT="/ca.pem")
    assert clone.calls()[-1] == "unset unset /ca.pem"


def test_root_gets_the_missing_venv_installed(clone: Clone) -> None:
    assert clone.run("scripts/set_up", NO_VENV="1").returncode == 0
    assert clone.calls()[:3] == [
        "apt-get update -qq",
        "apt-get install -y -qq --no-install-recommends python3-venv",
        "venv",
    ]


def test_others_are_told_the_one_line_to_type(clone: Clone) -> None:
    answer = clone.run("scripts/set_up", user=1000, NO_VENV="1")
    assert answer.returncode != 0
    assert "sudo apt-get install -y python3-venv" in answer.stderr
    assert clone.calls() == []
    assert not (clone.folder / ".venv").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"OLD": "1"}, "Python 3.11 or newer"), ({"PYTHON": "python-that-is-not-there"}, "There is no python-that-is")],
)
def test_an_unfit_python_is_named_with_what_to_do(clone: Clone, settings: dict[str, str], message: str) -> None:
    answer = clone.run("scripts/set_up", **settings)
    assert answer.returncode != 0
    assert message in answer.stderr
    assert "Type: " in answer.stderr


def with_metaspine(clone: Clone, l1_exit_code: int) -> subprocess.CompletedProcess[str]:
    program = clone.folder / ".venv" / "bin" / "metaspine"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\necho "$*" >> "$LOG"\ncase "$*" in *"--level L1"*) exit {l1_exit_code} ;; esac\n')
    program.chmod(0o755)
    return clone.run("scripts/demo")


def test_demo_plans_t12_expects_l1_refused_and_says_where_the_report_lies(clone: Clone) -> None:
    answer = with_metaspine(clone, l1_exit_code=3)
    assert answer.returncode == 0
    assert str(clone.folder / "demo" / "t12" / "report.pdf") in answer.stdout
    assert [re.search(r"--level (\w+)", call)[1] for call in clone.calls()] == ["T12", "L1"]  # type: ignore[index]
    paths = [word for call in clone.calls() for word in call.split() if word.startswith("examples/")]
    assert all((ROOT / path).is_file() for path in paths)


@pytest.mark.parametrize("code", [0, 1, 4])
def test_demo_fails_when_l1_is_not_refused(clone: Clone, code: int) -> None:
    answer = with_metaspine(clone, l1_exit_code=code)
    assert answer.returncode != 0
    assert f"exit code {code}" in answer.stderr


def test_continuous_integration_runs_tools_then_tests_with_the_shared_data(clone: Clone) -> None:
    clone.tool("make", '#!/bin/sh\necho "make $* ${METASPINE_TEST_DATA-unset}" >> "$LOG"\n')
    assert clone.run(".ci/run").returncode == 0
    assert clone.calls() == ["make tools unset", "make test unset"]
    data = clone.folder.parent / "shared" / "data"
    data.mkdir(parents=True)
    assert clone.run(".ci/run").returncode == 0
    assert clone.calls()[2:] == [f"make tools {data}", f"make test {data}"]


def test_every_command_is_documented_and_makes_no_file() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    documented = re.findall(r"^#   make (\w+)", text, flags=re.MULTILINE)
    phony = re.search(r"^\.PHONY: (.+)$", text, flags=re.MULTILINE)
    rules = re.findall(r"^(\w+):", text, flags=re.MULTILINE)
    assert phony
    assert sorted(documented) == sorted(rules) == sorted(phony[1].split())


@pytest.mark.parametrize(
    "script", sorted(path.name for path in (ROOT / "scripts").iterdir() if path.is_file() and not path.suffix)
)
def test_scripts_are_executable_and_plain_shell(script: str) -> None:
    path = ROOT / "scripts" / script
    assert os.access(path, os.X_OK)
    assert path.read_text(encoding="utf-8").startswith("#!/bin/sh\n")
    assert subprocess.run(["/bin/sh", "-n", path], check=False).returncode == 0
