"""``metaspine time`` as the physicist at the console runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from metaspine.cli import main
from metaspine.cli.exit_codes import ExitCode
from metaspine.cli.time import console_time_s
from metaspine.errors import InputError

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "calibration.yaml"
AT_13_MM = ("--dose", "8", "--depth", "13", "--origin", "isocentre")
NOMINAL_TIME_S = 60 * 8 / (7.04 * (7.2 / 13) ** 3)


class Run:
    """Runs the command in this process and keeps what it said."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys, self._monkeypatch = capsys, monkeypatch
        self.code, self.out, self.err = 0, "", ""

    def __call__(self, *arguments: str | Path) -> Run:
        self._monkeypatch.setattr(sys, "argv", ["metaspine", "time", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        self.code = int(ended.value.code or 0)
        self.out, self.err = self._capsys.readouterr()
        return self


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "80")
    return Run(capsys, monkeypatch)


def calibration(tmp_path: Path, *, hours_ago: float = 1, **change: Any) -> Path:
    """Write the example with an output measured some hours ago, and changes."""
    document = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    now = datetime.now(UTC) - timedelta(hours=hours_ago)
    document["output_of_the_day"] |= {"date_time": now.isoformat()}
    path = tmp_path / "calibration.yaml"
    path.write_text(yaml.safe_dump(document | change, sort_keys=False), encoding="utf-8")
    return path


def test_the_answer_stands_first_and_nominal_output_cannot_be_missed(run: Run) -> None:
    lines = run(*AT_13_MM).out.splitlines()
    assert run.code == ExitCode.DONE
    assert "TIME 6:41 min:s = 401.3 s" in lines[0]
    assert "8 Gy at 13 mm from the isocentre" in lines[1]
    assert "NOMINAL OUTPUT, NOT FOR TREATMENT" in lines[2]
    assert lines[3].startswith("dose rate   1.20 Gy/min, 13 mm from the isocentre  PHY-10")
    assert lines[4] == "hand check  13.0 mm from the isocentre: 1.2 Gy/min; 8 Gy / 1.2 Gy/min = 6.7 min"
    assert lines[6].startswith("CONSOLE NOT COMPARED")


def test_the_documented_page_is_what_the_program_prints(run: Run) -> None:
    document = (EXAMPLE.parent.parent / "docs" / "time.md").read_text(encoding="utf-8")
    shown = document.split("```text\n")[1].split("```")[0].splitlines()
    printed = [line.rstrip() for line in run(*AT_13_MM, "--console-time", "6:42").out.splitlines()]
    assert printed[: len(shown)] == shown


def test_rows_carry_unit_source_and_flag(run: Run) -> None:
    out = run(*AT_13_MM, "--at", "9").out
    rows = {line.split(" mm")[0].strip(): line for line in out.splitlines() if " Gy/min" in line and " Gy " in line}
    assert "extrapolated" in rows["5"]
    assert "extrapolated" in rows["30"]
    assert "extrapolated" not in rows["20"]
    assert f"{8 * (13 / 9) ** 3:.1f} Gy" in rows["9"]
    assert "prescription" in rows["13"]
    assert "tip 1 mm closer             10.2 Gy (+27 %)" in out
    for source in ("PHY-10", "PHY-17", "PHY-21", "PHY-25", "TIME-02"):
        assert source in out


def test_agreement_ends_with_0_and_one_line(run: Run, tmp_path: Path) -> None:
    own = ("--dose", "8", "--depth", "10", "--origin", "applicator_surface", "--calibration", calibration(tmp_path))
    run(*own, "--serial", "EXAMPLE-0000", "--console-time", "6:00")
    assert run.code == ExitCode.DONE
    (verdict,) = [line for line in run.out.splitlines() if "CONSOLE" in line]
    difference = 360 / (60 * 8 / (1.38 * 0.98)) - 1
    assert "CONSOLE AGREES: 6:00 (360 s)" in verdict
    assert f"{100 * difference:.2f} % longer" in verdict
    assert "tolerance 5 % (TIME-01 [C])" in verdict
    assert "NOMINAL" not in run.out
    assert "EXAMPLE-0000" in run.out
    assert "serial number was not compared" not in run.out


def test_a_difference_is_refused_with_its_own_exit_code(run: Run) -> None:
    run(*AT_13_MM, "--console-time", "8:00")
    assert run.code == ExitCode.REFUSED
    (verdict,) = [line for line in run.out.splitlines() if "CONSOLE" in line]
    assert "REFUSED, CONSOLE DIFFERS: 8:00 (480 s) is 20 % longer, gives 9.57 Gy" in verdict
    assert "→ it would fit a dose in TARGIT dose (PHY-18)" in run.out


def test_agreement_with_nominal_output_is_no_agreement_of_the_device(run: Run) -> None:
    run(*AT_13_MM, "--console-time", "402s")
    assert run.code == ExitCode.DONE
    assert "CONSOLE AGREES WITH NOMINAL OUTPUT ONLY" in run.out


def test_ones_own_tolerance_is_named_as_such(run: Run) -> None:
    run(*AT_13_MM, "--console-time", "6:50", "--tolerance", "2")
    assert run.code == ExitCode.REFUSED
    assert "tolerance 2 %, stated by you" in run.out


def test_without_the_serial_number_the_page_says_so(run: Run, tmp_path: Path) -> None:
    assert "serial number was not compared" in run(*AT_13_MM, "--calibration", calibration(tmp_path)).out


def test_json_holds_the_same_and_nothing_else_is_printed(run: Run) -> None:
    run(*AT_13_MM, "--console-time", "7:30", "--json")
    document = json.loads(run.out)
    assert run.code == ExitCode.REFUSED
    assert run.err == ""
    assert document["time_s"] == pytest.approx(NOMINAL_TIME_S)
    assert document["verdict"] == "differs"
    assert document["calibrated"] is False
    assert document["console"]["console_time_s"] == 450
    assert document["console"]["tolerance"] == 0.05
    assert document["prescription"]["origin"] == "isocentre"
    assert [row["from_origin_mm"] for row in document["depths"]] == [5, 8, 10, 11, 13, 15, 20, 25, 30]
    assert {"PHY-10", "TIME-02"} <= set(document["evidence"])
    assert "not for treatment" in " ".join(document["notes"])
    assert json.loads(run(*AT_13_MM, "--json").out)["verdict"] == "not compared"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--dose", "0", "--depth", "13", "--origin", "isocentre"), "a dose of 0 Gy"),
        (("--dose", "-8", "--depth", "13", "--origin", "isocentre"), "a dose of -8 Gy"),
        (("--dose", "8", "--depth", "1.5", "--origin", "isocentre"), "lies inside the applicator"),
        (("--dose", "8", "--depth", "0", "--origin", "applicator_tip"), "from the applicator tip of 0 mm"),
        (("--dose", "8", "--depth", "13", "--origin", "skin"), "a depth measured from 'skin'"),
        ((*AT_13_MM, "--applicator", "sphere"), "there is no applicator 'sphere'"),
        ((*AT_13_MM, "--applicator", "none.yaml"), "cannot be read"),
        ((*AT_13_MM, "--calibration", "none.yaml"), "cannot be read"),
        ((*AT_13_MM, "--console-time", "402"), "'402' is not a time"),
        ((*AT_13_MM, "--console-time", "6:75"), "'6:75' is not a time"),
        ((*AT_13_MM, "--console-time", "soon"), "'soon' is not a time"),
        ((*AT_13_MM, "--console-time", "0:00"), "a console time of 0 s"),
        ((*AT_13_MM, "--console-time", "6:42", "--tolerance", "50"), "a tolerance of 50 %"),
        ((*AT_13_MM, "--serial", "EXAMPLE-0000"), "without a calibration"),
        ((*AT_13_MM, "--serial", " "), "the serial number is empty"),
    ],
)
def test_bad_input_is_one_clear_error(run: Run, arguments: tuple[str, ...], said: str) -> None:
    run(*arguments)
    assert run.code == ExitCode.INPUT
    assert run.out == ""
    assert run.err.count("Stopped:") == 1
    assert run.err.count("→") == 1
    assert said in " ".join(run.err.split())


@pytest.mark.parametrize(
    ("change", "arguments", "said"),
    [
        ({"hours_ago": 13}, (), "the output of the day expired"),
        ({"hours_ago": -1}, (), "is later than now"),
        ({"applicator": "sphere-4cm"}, (), "the applicator is 'sphere-4cm', but 'intrabeam-needle' is in use"),
        ({"applicator": "bare probe"}, (), "about half"),
        ({"dose_definition": "TARGIT"}, (), "14 to 80 %"),
        ({}, ("--serial", "XRS 1"), "the serial number is 'EXAMPLE-0000', but 'XRS 1' is in use"),
    ],
)
def test_a_calibration_that_cannot_be_used(
    run: Run, tmp_path: Path, change: dict[str, Any], arguments: tuple[str, ...], said: str
) -> None:
    run(*AT_13_MM, "--calibration", calibration(tmp_path, **change), *arguments)
    assert run.code == ExitCode.INPUT
    assert run.out == ""
    assert said in " ".join(run.err.split())
    assert "calibration.yaml" in "".join(run.err.split())


@pytest.mark.parametrize("missing", ["--dose", "--depth", "--origin"])
def test_dose_depth_and_origin_have_no_default(run: Run, missing: str) -> None:
    index = AT_13_MM.index(missing)
    run(*AT_13_MM[:index], *AT_13_MM[index + 2 :])
    assert run.code == ExitCode.USAGE
    assert missing in run.err


@given(st.integers(0, 99), st.integers(0, 59))
def test_console_times_as_people_copy_them(minutes: int, seconds: int) -> None:
    total = 60 * minutes + seconds
    for text in (f"{minutes}:{seconds:02d}", f"{minutes} min {seconds} s", f"{minutes}m{seconds}s", f"{total} s"):
        assert console_time_s(text) == total


@pytest.mark.parametrize(
    ("text", "time_s"), [("6.7min", 402), ("6,7 min", 402), ("401,5s", 401.5), (" 402 Sec ", 402), ("7 minutes", 420)]
)
def test_console_times_with_units(text: str, time_s: float) -> None:
    assert console_time_s(text) == pytest.approx(time_s)


@pytest.mark.parametrize("text", ["", "6", "6.42", "6:4", "-6:42", "1:06:42", "6 min 75 s", "6.5 min 30 s", "nan s"])
def test_ambiguous_times_are_not_guessed(text: str) -> None:
    with pytest.raises(InputError, match="is not a time"):
        console_time_s(text)


def test_it_starts_without_what_it_does_not_need() -> None:
    heavy = {"numba", "scipy", "matplotlib", "pydicom", "nibabel"}
    program = (
        "import sys; from metaspine.cli import main\n"
        f"sys.argv = ['metaspine', 'time', *{AT_13_MM!r}]\n"
        "try: main()\n"
        f"finally: print('LOADED', sorted({heavy!r} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "TIME 6:41" in result.stdout
    assert result.stdout.splitlines()[-1] == "LOADED []"
