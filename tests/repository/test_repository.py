"""What the repository promises: locks that name no registry, one version, licences, small files, floors that hold."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import metaspine

ROOT = Path(__file__).parent.parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LINT_IMPORTS = Path(sys.executable).parent / "lint-imports"

PACKAGE_FILE_BYTES, EXAMPLES_BYTES = 1_000_000, 12_000_000


def entries(lock: str) -> dict[str, list[str]]:
    """The pinned requirements of a lock ("numpy==2.4.6 ; marker") and the hashes of each."""
    text = re.sub(r"\\\n", " ", (ROOT / lock).read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    return {line.split(" --hash=")[0].strip(): re.findall(r"--hash=(sha256:[0-9a-f]{64})", line) for line in lines}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[<>=!~;\[ ]", name)[0]).lower()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_a_version_and_hashes(lock: str) -> None:
    assert len(entries(lock)) > 20
    for requirement, hashes in entries(lock).items():
        assert re.match(r"[a-z0-9._-]+==[0-9][^ ]*( ; .+)?$", requirement), requirement
        assert hashes, requirement


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_registry(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    for word in ("://", "file:", "--index", "--extra-index", "--find-links", "--trusted-host"):
        assert word not in text, word


def test_the_locks_agree_and_cover_the_project() -> None:
    run, tests = (entries(lock) for lock in LOCKS)
    assert run.items() <= tests.items()
    groups = PROJECT["dependency-groups"]
    needed = {normal(name) for name in [*PROJECT["project"]["dependencies"], *groups["build"]]}
    assert needed <= {normal(name) for name in run}
    assert {normal(name) for name in groups["test"] + groups["check"]} <= {normal(name) for name in tests}


def test_every_package_that_the_program_imports_is_declared() -> None:
    """A machine that has more installed than a fresh clone would hide it."""
    providers = importlib.metadata.packages_distributions()
    extras = PROJECT["project"]["optional-dependencies"].values()
    named = [*PROJECT["project"]["dependencies"], *(name for extra in extras for name in extra)]
    declared = {normal(name) for name in named}
    undeclared = {
        (path.relative_to(ROOT).as_posix(), module)
        for path in (ROOT / "src").rglob("*.py")
        for module in imported_modules(path) - set(sys.stdlib_module_names) - {"metaspine"}
        if not {normal(name) for name in providers.get(module, [])} & declared
    }
    assert undeclared == set()


def imported_modules(path: Path) -> set[str]:
    """The top-level names that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_the_version_stands_in_one_place() -> None:
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert "version" not in PROJECT["project"]
    copies = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "src").rglob("*.py")
        if f'"{metaspine.__version__}"' in path.read_text(encoding="utf-8")
    ]
    assert copies == [PROJECT["tool"]["hatch"]["version"]["path"]]


def test_the_changelog_knows_the_version() -> None:
    headings = re.findall(r"^## \[?([^\]\s]+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert {"Unreleased", metaspine.__version__} & set(headings)


def test_licence_and_notice_are_there() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "examples/ATTRIBUTION.md" in (ROOT / "NOTICE").read_text(encoding="utf-8")
    attribution = (ROOT / "examples" / "ATTRIBUTION.md").read_text(encoding="utf-8")
    assert "10.7937/K9/TCIA.2015.LO9QL9SX" in attribution
    assert "Creative Commons Attribution 3.0" in attribution
    assert PROJECT["project"]["license"] == "Apache-2.0"
    assert all((ROOT / name).is_file() for name in PROJECT["project"]["license-files"])


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def test_files_are_small() -> None:
    too_large = [path.name for path in files_below(ROOT / "src") if path.stat().st_size > PACKAGE_FILE_BYTES]
    assert too_large == []
    assert sum(path.stat().st_size for path in files_below(ROOT / "examples")) < EXAMPLES_BYTES


def test_the_wheel_holds_the_whole_package_and_the_licences(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="the build tool is not installed beside this Python")
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, tmp_path)
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=tmp_path, check=True)
    (wheel,) = (tmp_path / "dist").glob(f"metaspine-{metaspine.__version__}-*.whl")
    with zipfile.ZipFile(wheel) as file:
        held = set(file.namelist())
    package = {path.relative_to(tmp_path / "src").as_posix() for path in files_below(tmp_path / "src")}
    assert package <= held
    assert {"LICENSE", "NOTICE"} <= {Path(name).name for name in held - package}


def broken_floors(source: Path, pyproject: Path) -> str:
    """What import-linter says about the package below a source folder; empty where every contract is kept."""
    if not LINT_IMPORTS.exists():
        pytest.skip("import-linter is not installed beside this Python")
    answer = subprocess.run(
        [LINT_IMPORTS, "--no-cache", "--config", pyproject],
        env={"PYTHONPATH": str(source), "PATH": ""},
        cwd=pyproject.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Contracts" in answer.stdout, answer.stdout + answer.stderr
    return "" if answer.returncode == 0 else answer.stdout


def test_the_floors_hold() -> None:
    assert broken_floors(ROOT / "src", ROOT / "pyproject.toml") == ""


def test_an_import_upstairs_would_be_found(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    lower = tmp_path / "src" / "metaspine" / "geometry" / "grid.py"
    lower.write_text(lower.read_text(encoding="utf-8") + "\nimport metaspine.planning\n", encoding="utf-8")
    complaint = broken_floors(tmp_path / "src", tmp_path / "pyproject.toml")
    assert "metaspine.geometry.grid -> metaspine.planning" in complaint
