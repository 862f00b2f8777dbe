"""From Hounsfield units to what photons meet: a material and a density for every voxel.

Tissues are told apart by density (CT-02); bone runs from marrow to compact bone in small steps; what Hounsfield units
misread (metal, cement, contrast) is asked about, and the answers come in as overrides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metaspine.errors import ImageError, StructureError
from metaspine.geometry import Volume
from metaspine.imaging.calibration import CtCurve, cautions_of, read_ct_curve
from metaspine.imaging.findings import CANAL_ROLES, Finding, FindingKind, find_foreign
from metaspine.imaging.regions import Mask, Region, region_of
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Role, Structure
from metaspine.physics.materials import Material, material
from metaspine.physics.tissues import bone_level, bone_levels

WATER, AIR, LUNG, ADIPOSE, SOFT, FIRST_BONE = range(6)
"""Indices into the materials of every TissueMap; water comes first and is what dose to water is scored with."""

AIR_BELOW, LUNG_BELOW, ADIPOSE_BELOW, BONE_FROM = 0.05, 0.90, 0.985, 1.0762
"""g/cm3 (CT-02)."""
_LOWEST_HU, _HIGHEST_HU = -1100, 4200
_BONY = (Role.VERTEBRA, Role.SACRUM, Role.RIB)
_ASKED_TOGETHER = (FindingKind.CONTRAST, FindingKind.MYELOGRAM)


@dataclass(frozen=True, eq=False)
class Override:
    """What a structure is made of, whatever its Hounsfield units say."""

    structure: Structure
    material: Material
    density_g_cm3: float | None = None
    """None: the material's own."""


@dataclass(frozen=True, eq=False)
class TissueMap:
    """A material and a density for every voxel of a scan."""

    material: Volume
    """uint8 indices into ``materials``."""
    density: Volume
    """float32, g/cm3."""
    materials: tuple[Material, ...]
    """Water first; the tissues; bone from marrow to compact; then the overrides'."""
    curve: CtCurve
    findings: tuple[Finding, ...]
    """What nobody has answered for yet."""
    notes: tuple[str, ...] = ()
    """What was done, for the record."""
    cautions: tuple[str, ...] = ()
    """What the reader of a dose must know."""


def tissue_map(
    scan: Scan,
    curve: CtCurve | None = None,
    *,
    overrides: Sequence[Override] = (),
    findings: Sequence[Finding] | None = None,
) -> TissueMap:
    """Return the materials and densities of a scan.

    Parameters
    ----------
    scan
        Hounsfield units and structures. Voxels of vertebrae, sacrum and ribs are marrow and bone by their density,
        except inside lesions; elsewhere bone begins at 100 HU (CT-02).
    curve
        The scanner's own CT curve; None is the generic one, with a caution.
    overrides
        Applied in their order, the last one wins. One whose structure has the name of a finding answers it.
    findings
        As :func:`metaspine.imaging.findings.find_foreign` returns them; None looks for them here.

    Raises
    ------
    ImageError
        When a voxel has no Hounsfield number.
    DeviceFileError
        When the curve belongs to another tube voltage than the scan.
    StructureError
        When an override's structure lies outside the scan.
    FrameMismatch
        When it lives in another frame of reference.
    """
    _refuse_gaps(scan)
    used = read_ct_curve() if curve is None else curve
    said = list(cautions_of(used, scan))
    found = find_foreign(scan) if findings is None else tuple(findings)
    answered = {override.structure.name for override in overrides}
    unanswered = tuple(finding for finding in found if finding.structure.name not in answered)
    assumed = [
        Override(finding.structure, material(finding.assumed_material))
        for finding in unanswered
        if finding.assumed_material
    ]
    kinds, density = _read(scan, used)
    materials = list(tissues())
    for override in (*assumed, *overrides):
        _apply(override, scan, materials, kinds=kinds, density=density)
    return TissueMap(
        material=Volume(kinds, scan.image.grid),
        density=Volume(density, scan.image.grid),
        materials=tuple(materials),
        curve=used,
        findings=unanswered,
        notes=(*_notes(scan, used), *(_applied(override) for override in overrides)),
        cautions=(*said, *_not_looked_at(scan), *_questions(unanswered)),
    )


def tissues() -> tuple[Material, ...]:
    """Return the materials that every TissueMap begins with."""
    plain = (material(name) for name in ("water", "air", "lung", "adipose", "soft"))
    return (*plain, *bone_levels())


def without_contrast(findings: Sequence[Finding]) -> tuple[Override, ...]:
    """Return the overrides that answer: contrast was given for the scan and is not there during irradiation.

    Vessels become blood, organs, canal and cord soft tissue, each at its own density.
    """
    return tuple(
        Override(finding.structure, material("blood" if finding.structure.role is Role.VESSEL else "soft"))
        for finding in findings
        if finding.kind in _ASKED_TOGETHER
    )


def _refuse_gaps(scan: Scan) -> None:
    values = scan.image.values
    if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
        first = tuple(int(index) for index in np.argwhere(~np.isfinite(values))[0])
        raise ImageError(
            f"{int((~np.isfinite(values)).sum())} voxels have no Hounsfield number, the first at index {first}",
            where=scan.origin.path,
            remedy="Fill them with what is there (air: -1000), or crop the image to where it is known",
        )


def _read(scan: Scan, curve: CtCurve) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return materials and densities by Hounsfield units alone, slice by slice: a whole CT needs little memory."""
    densities = curve.density(np.arange(_LOWEST_HU, _HIGHEST_HU + 1))
    elsewhere, in_bone = _material_of(densities, bony=False), _material_of(densities, bony=True)
    bony, grid = _bony(scan), scan.image.grid
    kinds, density = np.empty(grid.shape, np.uint8), np.empty(grid.shape, np.float32)
    for k in range(grid.shape[2]):
        hounsfield = np.rint(np.clip(scan.image.values[:, :, k], _LOWEST_HU, _HIGHEST_HU)).astype(np.int64)
        row = hounsfield - _LOWEST_HU
        density[:, :, k] = densities[row]
        kinds[:, :, k] = np.where(bony[:, :, k], in_bone[row], elsewhere[row])
    return kinds, density


def _material_of(density: NDArray[np.float64], *, bony: bool) -> NDArray[np.uint8]:
    """Return the material index at densities (n,) inside or outside bony structures."""
    soft = [AIR, LUNG, ADIPOSE] if bony else [AIR, LUNG, ADIPOSE, SOFT]
    borders = [AIR_BELOW, LUNG_BELOW, ADIPOSE_BELOW] if bony else [AIR_BELOW, LUNG_BELOW, ADIPOSE_BELOW, BONE_FROM]
    place = np.searchsorted(borders, density, side="right")
    kinds = np.array([*soft, FIRST_BONE])[place]
    return np.where(kinds == FIRST_BONE, FIRST_BONE + bone_level(density), kinds).astype(np.uint8)


def _bony(scan: Scan) -> Mask:
    bony = np.zeros(scan.image.grid.shape, dtype=bool)
    for region in _regions(scan, _BONY):
        bony[region.box] |= region.mask
    for region in _regions(scan, (Role.LESION,)):
        bony[region.box] &= ~region.mask
    return bony


def _regions(scan: Scan, roles: Sequence[Role]) -> list[Region]:
    found = [region_of(structure, scan.image.grid) for role in roles for structure in scan.of_role(role)]
    return [region for region in found if region is not None]


def _apply(
    override: Override,
    scan: Scan,
    materials: list[Material],
    *,
    kinds: NDArray[np.uint8],
    density: NDArray[np.float32],
) -> None:
    """Write an override into the arrays that :func:`tissue_map` is making."""
    name = override.structure.name
    scan.image.grid.require_frame(override.structure.frame_of_reference, where=name)
    region = region_of(override.structure, scan.image.grid)
    if region is None:
        raise StructureError(
            "the structure covers no voxel of the scan", where=name, remedy="Outline it in this scan, or leave it out"
        )
    if override.material not in materials:
        materials.append(override.material)
    kinds[region.box][region.mask] = materials.index(override.material)
    own = override.material.density_g_cm3
    density[region.box][region.mask] = own if override.density_g_cm3 is None else override.density_g_cm3


def _notes(scan: Scan, curve: CtCurve) -> list[str]:
    beyond = int((scan.image.values > curve.hounsfield[-1]).sum())
    notes = [
        f"Densities by the CT curve {curve.name}, {curve.tube_voltage_kv:g} kV ({', '.join(curve.evidence) or 'own'})"
    ]
    if beyond:
        notes.append(
            f"{beyond} voxels lie above the curve's last point ({curve.hounsfield[-1]:g} HU) and have its density "
            f"of {curve.density_g_cm3[-1]:g} g/cm3"
        )
    return notes


def _applied(override: Override) -> str:
    density = override.material.density_g_cm3 if override.density_g_cm3 is None else override.density_g_cm3
    return f"{override.structure.name} is {override.material.title}, {density:.3g} g/cm3, as stated by the user"


def _not_looked_at(scan: Scan) -> list[str]:
    """Return where contrast could not be looked for, because nothing is outlined there."""
    missing = [] if scan.of_role(Role.VESSEL) else ["vessel"]
    if not any(scan.of_role(role) for role in CANAL_ROLES):
        missing.append("canal, sac or cord")
    return [
        f"No {what} is outlined, so that contrast in it could not be looked for; if there was any, it is read as bone "
        "(CT-05)"
        for what in missing
    ]


def _questions(findings: Sequence[Finding]) -> list[str]:
    """Return a sentence for each unanswered finding; all contrast is one question."""
    contrast = [finding for finding in findings if finding.kind in _ASKED_TOGETHER]
    sentences = [finding.sentence for finding in findings if finding.kind not in _ASKED_TOGETHER]
    if contrast:
        names = ", ".join(f"{finding.structure.name} ({finding.median_hu:.0f} HU)" for finding in contrast)
        first = contrast[0]
        sentences.append(
            f"Iodinated contrast in {names}. {first.question} "
            f"Until this is answered: {first.assumed} ({first.evidence})"
        )
    return sentences
