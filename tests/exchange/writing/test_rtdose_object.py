"""What an RTDOSE says of itself, and what it refuses to say."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import RTPlanStorage

from metaspine.errors import GridMismatch, OutputError
from metaspine.exchange.writing.objects import Kind, new_object
from metaspine.exchange.writing.rtdose import encoded, rtdose
from metaspine.exchange.writing.uids import frame_uid, is_uid
from metaspine.geometry import Grid, Volume
from metaspine.patient.dose import Dose, DoseProvenance, EffectiveDose
from metaspine.patient.study import Study
from metaspine.physics.applicators import DoseConvention
from metaspine.physics.radiobiology import BiologicalModel

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STUDY = Study(patient_id="17", study_uid="1.2.3")
PLAN = new_object(Kind(RTPlanStorage, "RTPLAN", "plan"), study=STUDY, content="plan", when=WHEN)


def dose_of(
    values: np.ndarray,
    *,
    convention: DoseConvention = DoseConvention.CONSOLE,
    calibrated: bool = True,
    affine: np.ndarray | None = None,
) -> Dose:
    grid = Grid(np.eye(4) if affine is None else affine, values.shape, "nifti-0123456789ab")
    provenance = DoseProvenance("water", "1", "needle", "its own output", calibrated, "c" * 64)
    return Dose(
        Volume(values, grid), Volume(np.zeros(values.shape), grid), "water", convention, provenance, ("A note.",)
    )


def made(values: np.ndarray, **words: object) -> Dataset:
    return rtdose(dose_of(values, **words), plan=PLAN, study=STUDY, when=WHEN)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("convention", "code", "correction"),
    [
        (DoseConvention.CONSOLE, "CONSOLE/WATER", "WATER"),
        (DoseConvention.MONTE_CARLO_MEDIUM, "MC/MEDIUM", "IMAGE"),
        (DoseConvention.MONTE_CARLO_WATER, "MC/WATER-IN-MEDIUM", "IMAGE"),
    ],
)
def test_convention_and_medium_are_said_in_codes(convention: DoseConvention, code: str, correction: str) -> None:
    dataset = made(np.ones((2, 3, 4)), convention=convention)
    assert dataset.DoseComment == code
    assert dataset.TissueHeterogeneityCorrection == correction
    assert (dataset.DoseType, dataset.DoseUnits, dataset.DoseSummationType) == ("PHYSICAL", "GY", "PLAN")
    assert convention.value in dataset.ImageComments
    assert "A note." in dataset.ImageComments


def test_the_longest_comment_fits() -> None:
    values = np.full((250, 200, 200), np.nan, dtype=np.float32)
    values[0, 0, 0] = 1.0
    comment = made(values, convention=DoseConvention.MONTE_CARLO_WATER, calibrated=False).DoseComment
    assert comment == "NOMINAL; MC/WATER-IN-MEDIUM; 0 GY=UNDEFINED IN 9999999 VOXELS"
    assert len(comment) + len("99") <= 64


def effective(values: np.ndarray, model: BiologicalModel, **words: object) -> Dataset:
    physical = dose_of(values, **words)  # type: ignore[arg-type]
    given = EffectiveDose(Volume(2.0 * values, physical.volume.grid), model, physical, ("Of one tissue.",))
    return rtdose(given, plan=PLAN, study=STUDY, when=WHEN)


@pytest.mark.parametrize(
    ("model", "words", "rests_on"),
    [
        (BiologicalModel(1.3), "RBE=1.3", "(RBE-01)"),
        (BiologicalModel(1.4, 10.0), "EQD2 A/B=10 RBE=1.4", "(RBE-01, BED-01, BED-02)"),
    ],
)
def test_a_weighted_dose_is_effective_and_names_its_model_before_its_dose(
    model: BiologicalModel, words: str, rests_on: str
) -> None:
    values = np.arange(24.0).reshape(2, 3, 4) + 1
    values[0, 0, 0] = np.nan
    dataset = effective(values, model)
    assert (dataset.DoseType, dataset.DoseUnits) == ("EFFECTIVE", "GY")
    assert dataset.DoseComment == f"{words}; CONSOLE/WATER; 0 GY=UNDEFINED"
    assert dataset.SeriesDescription == f"EFFECTIVE, {words}, of CONSOLE/WATER"
    for said in (
        f"NOT PHYSICAL: {words} {rests_on}, one fraction; 0 GY=UNDEFINED IN 1 VOXELS.",
        "Of one tissue.",
        "A note.",
        "console dose",
    ):
        assert said in dataset.ImageComments, said
    assert dataset.pixel_array[3, 2, 1] * float(dataset.DoseGridScaling) == pytest.approx(48.0)


def test_the_longest_comment_of_a_weighted_dose_fits_and_keeps_the_model() -> None:
    values = np.ones((2, 3, 4))
    values[0, 0, 0] = np.nan
    for model in (BiologicalModel(1.3, 2.0), BiologicalModel(1.33333, 2.33333)):
        comment = effective(values, model, convention=DoseConvention.MONTE_CARLO_WATER, calibrated=False).DoseComment
        assert len(comment) <= 64
        assert comment.startswith(
            f"NOMINAL; EQD2 A/B={model.alpha_beta_gy:g} RBE={model.rbe:g}; MC/WATER-IN-MEDIUM; 0 GY"
        )


def test_the_same_numbers_under_another_model_are_another_object() -> None:
    values = np.ones((2, 3, 4))
    made_by = (BiologicalModel(1.3), BiologicalModel(1.4), BiologicalModel(1.4, 2.0), BiologicalModel(1.4, 3.0))
    uids = {str(effective(values, model).SOPInstanceUID) for model in made_by}
    assert len(uids | {str(made(2.0 * values).SOPInstanceUID)}) == 5


def test_where_no_dose_is_defined_zero_stands_and_is_said() -> None:
    values = np.arange(24.0).reshape(2, 3, 4) + 1
    values[1, 2, 3] = values[0, 0, 0] = np.nan
    dataset = made(values)
    assert dataset.DoseComment == "CONSOLE/WATER; 0 GY=UNDEFINED IN 2 VOXELS"
    assert dataset.pixel_array[3, 2, 1] == dataset.pixel_array[0, 0, 0] == 0
    assert "0 Gy is written" in dataset.ImageComments


def test_it_refers_to_its_plan_and_lives_in_a_frame_with_a_uid() -> None:
    dataset = made(np.ones((2, 3, 4)))
    assert dataset.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID == PLAN.SOPInstanceUID
    assert dataset.FrameOfReferenceUID == frame_uid("nifti-0123456789ab")
    assert is_uid(dataset.FrameOfReferenceUID)
    assert frame_uid("1.2.3") == "1.2.3"
    with pytest.warns(UserWarning, match="Invalid value for VR UI"):
        assert frame_uid("1.2.840.113619.2.01.0123") == "1.2.840.113619.2.01.0123", "a scanner's, as its images have it"


def test_another_dose_is_another_object() -> None:
    one, other = made(np.ones((2, 3, 4))), made(np.full((2, 3, 4), 2.0))
    moved = np.eye(4)
    moved[0, 3] = 1.0
    beside = made(np.ones((2, 3, 4)), affine=moved)
    assert len({one.SOPInstanceUID, other.SOPInstanceUID, beside.SOPInstanceUID}) == 3


@given(st.floats(1e-6, 1e5), st.sampled_from([16, 32]), st.integers(0, 2**32))
def test_every_value_is_within_half_a_step_of_the_scaling_as_written(highest: float, bits: int, seed: int) -> None:
    values = np.random.default_rng(seed).uniform(0, highest, 200)
    values[0] = highest
    scaling, stored = encoded(values, 32 if bits == 32 else 16)
    assert len(str(scaling)) <= 16
    step = float(scaling)
    assert float(str(scaling)) == step
    assert step == pytest.approx(highest / (2**bits - 2), rel=1e-9)
    assert np.abs(stored.astype(np.float64) * step - values).max() <= step / 2 * (1 + 1e-6)


def test_a_dose_of_nothing_but_zero_is_written() -> None:
    dataset = made(np.zeros((2, 3, 4)))
    assert not dataset.pixel_array.any()
    assert dataset.DoseGridScaling == 1


def test_an_odd_number_of_values_is_padded_to_even_length() -> None:
    assert len(rtdose(dose_of(np.ones((1, 3, 3))), plan=PLAN, study=STUDY, when=WHEN, bits=16).PixelData) == 18
    assert len(rtdose(dose_of(np.ones((1, 1, 3))), plan=PLAN, study=STUDY, when=WHEN, bits=16).PixelData) == 6


@pytest.mark.parametrize("value", [-0.5, np.inf])
def test_a_dose_that_is_negative_or_infinite_is_refused(value: float) -> None:
    values = np.ones((2, 3, 4))
    values[1, 1, 1] = value
    with pytest.raises(OutputError, match="finite and not negative"):
        made(values)


def test_a_dose_defined_nowhere_is_refused() -> None:
    with pytest.raises(OutputError, match="defined nowhere"):
        made(np.full((2, 3, 4), np.nan))


def test_a_skewed_grid_is_refused() -> None:
    skewed = np.eye(4)
    skewed[0, 2] = 9e-4
    assert made(np.ones((3, 3, 50)), affine=skewed).NumberOfFrames == 50
    with pytest.raises(GridMismatch, match=r"frames would lie up to 0\.\d\d mm elsewhere"):
        made(np.ones((3, 3, 200)), affine=skewed)
