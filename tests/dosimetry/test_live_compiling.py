"""Kernels of the live engine are compiled anew when any of its files has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from metaspine.dosimetry import live_assembly, live_compiling, live_smoothing, live_trust


def test_every_kernel_carries_the_stamp_of_all_live_files() -> None:
    stamp = live_compiling._files()
    kernels = [
        value
        for module in (live_assembly, live_smoothing, live_trust)
        for value in vars(module).values()
        if hasattr(value, "py_func")
    ]
    assert len(kernels) >= 8
    assert all(kernel._cache._cache_file._source_stamp.endswith(stamp) for kernel in kernels)


def test_a_changed_file_changes_the_stamp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "live_example.py"
    monkeypatch.setattr(live_compiling, "__file__", str(tmp_path / "live_compiling.py"))
    stamps = set()
    for text in ("WIDTH = 1\n", "WIDTH = 2\n"):
        source.write_text(text, encoding="utf-8")
        live_compiling._files.cache_clear()
        stamps.add(live_compiling._files())
    live_compiling._files.cache_clear()
    assert len(stamps) == 2
