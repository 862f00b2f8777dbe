"""Metal, cement and contrast: found in the image, and asked about; never read as bone in silence.

A finding says what was seen, where, how large, the question to ask, and what is assumed until it is answered. The
thresholds are conventions (CT-03 to CT-05).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy import ndimage

from metaspine.errors import StructureError
from metaspine.geometry import Grid, Volume
from metaspine.imaging.regions import Box, Mask, Region, region_of
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Origin, Role, Structure

METAL_HU, METAL_MM3 = 2500, 20.0
CEMENT_HU, CEMENT_MM3, CEMENT_THICKNESS_MM = 1300, 200.0, 5.0
CONTRAST_HU, MYELOGRAM_HU = 130, 100
CANAL_ROLES = (Role.BONY_CANAL, Role.THECAL_SAC, Role.CAUDA_EQUINA, Role.SPINAL_CORD)
"""Where a myelogram would be seen."""
_CONTRAST_ROLES = (Role.VESSEL, Role.ORGAN)


class FindingKind(StrEnum):
    """What was seen."""

    METAL = "metal"
    CEMENT = "bone cement or dense sclerosis"
    CONTRAST = "iodinated contrast"
    MYELOGRAM = "contrast in the canal"


@dataclass(frozen=True, eq=False)
class Finding:
    """Something that Hounsfield units alone would misread."""

    kind: FindingKind
    structure: Structure
    """Where it is; its name ("metal 1", "aorta") answers the question by an override."""
    volume_cm3: float
    centre_mm: tuple[float, float, float]
    """LPS."""
    median_hu: float
    question: str
    assumed: str
    """What holds until it is answered."""
    evidence: str
    near: str = ""
    """The nearest vertebra."""
    assumed_material: str = ""
    """The material assumed until it is answered; empty: as the CT curve reads it."""

    @property
    def sentence(self) -> str:
        """What, where, how large, the question, and what is assumed."""
        where = ", ".join(f"{value:.0f}" for value in self.centre_mm)
        near = f" near {self.near}" if self.near else ""
        return (
            f"{self.kind.capitalize()}: {self.structure.name}{near}, {self.volume_cm3:.2g} cm3 around "
            f"LPS ({where}) mm, median {self.median_hu:.0f} HU. {self.question} "
            f"Until this is answered: {self.assumed} ({self.evidence})"
        )


def find_foreign(scan: Scan) -> tuple[Finding, ...]:
    """Return the metal, cement and contrast seen in a scan, largest first of each kind.

    Contrast is found in outlined vessels, organs and canals only; vessels that nobody outlined cannot be judged.
    """
    metal = scan.image.values >= METAL_HU
    return (
        *_metals(scan, metal),
        *_cements(scan, metal),
        *_contrasts(scan, _CONTRAST_ROLES, CONTRAST_HU),
        *_contrasts(scan, CANAL_ROLES, MYELOGRAM_HU),
    )


def structure_or_finding(scan: Scan, name: str) -> Structure:
    """Return a structure of the scan, or what was seen there and asked about under that name ("metal 1", "cement 1").

    Raises
    ------
    StructureError
        When there is neither; the message lists both.
    """
    if any(structure.name == name for structure in scan.structures):
        return scan.structure(name)
    seen = {finding.structure.name: finding.structure for finding in find_foreign(scan)}
    if name in seen:
        return seen[name]
    known = ", ".join([*seen, *(structure.name for structure in scan.structures)]) or "none"
    raise StructureError(f"there is no structure {name!r}", where=scan.origin.path, remedy=f"There are: {known}")


def _metals(scan: Scan, metal: Mask) -> list[Finding]:
    least = METAL_MM3 / scan.image.grid.voxel_volume_mm3
    regions = [region for region in _pieces(metal) if region.mask.sum() >= least]
    return [
        _finding(
            scan,
            _found(f"metal {number}", region, scan.image.grid),
            region,
            kind=FindingKind.METAL,
            question="Which metal is it: titanium, titanium-alloy, cobalt-chromium, steel, tantalum or gold? "
            "Or undiluted contrast in a vein?",
            assumed="it is taken as titanium alloy, and the dose behind it cannot be trusted",
            evidence="CT-03",
            assumed_material="titanium-alloy",
        )
        for number, region in enumerate(_largest_first(regions), start=1)
    ]


def _cements(scan: Scan, metal: Mask) -> list[Finding]:
    least = CEMENT_MM3 / scan.image.grid.voxel_volume_mm3
    regions = []
    for vertebra in scan.of_role(Role.VERTEBRA):
        inside = region_of(vertebra, scan.image.grid)
        if inside is None:
            continue
        dense = inside.mask & (scan.image.values[inside.box] >= CEMENT_HU) & ~metal[inside.box]
        regions += [
            _moved(region, inside.box)
            for region in _pieces(dense)
            if region.mask.sum() >= least and _thickness_mm(region.mask, scan.image.grid) >= CEMENT_THICKNESS_MM
        ]
    return [
        _finding(
            scan,
            _found(f"cement {number}", region, scan.image.grid),
            region,
            kind=FindingKind.CEMENT,
            question="Is it cement (which, and with how much BaSO4 or ZrO2?) or dense bone?",
            assumed="it is read as bone by its Hounsfield units; barium would attenuate far more",
            evidence="CT-04",
        )
        for number, region in enumerate(_largest_first(regions), start=1)
    ]


def _contrasts(scan: Scan, roles: tuple[Role, ...], above_hu: float) -> list[Finding]:
    kind = FindingKind.MYELOGRAM if roles is CANAL_ROLES else FindingKind.CONTRAST
    found = []
    for structure in (item for role in roles for item in scan.of_role(role)):
        region = region_of(structure, scan.image.grid)
        if region is None or np.median(scan.image.values[region.box][region.mask]) <= above_hu:
            continue
        found.append(
            _finding(
                scan,
                structure,
                region,
                kind=kind,
                question="Was contrast given for this scan that will not be there during irradiation?",
                assumed="its bright voxels are read as bone, and the dose in and behind it comes out too low",
                evidence="CT-05",
            )
        )
    return sorted(found, key=lambda finding: -finding.volume_cm3)


def _finding(
    scan: Scan,
    structure: Structure,
    region: Region,
    *,
    kind: FindingKind,
    question: str,
    assumed: str,
    evidence: str,
    assumed_material: str = "",
) -> Finding:
    grid = scan.image.grid
    offset = np.array([part.start for part in region.box])
    centre = grid.point_mm(np.argwhere(region.mask).mean(axis=0) + offset)
    return Finding(
        kind=kind,
        structure=structure,
        volume_cm3=float(region.mask.sum()) * grid.voxel_volume_mm3 / 1000,
        centre_mm=(float(centre[0]), float(centre[1]), float(centre[2])),
        median_hu=float(np.median(scan.image.values[region.box][region.mask])),
        question=question,
        assumed=assumed,
        evidence=evidence,
        near=_nearest_vertebra(scan, (float(centre[0]), float(centre[1]), float(centre[2]))),
        assumed_material=assumed_material,
    )


def _pieces(mask: Mask) -> list[Region]:
    """Return the connected pieces of a mask, corners touching included."""
    if not mask.any():
        return []
    labels, _ = ndimage.label(mask, structure=np.ones((3, 3, 3)))
    return [
        Region((box[0], box[1], box[2]), np.asarray(labels[box] == number))
        for number, box in enumerate(ndimage.find_objects(labels), start=1)
        if box is not None
    ]


def _largest_first(regions: list[Region]) -> list[Region]:
    return sorted(regions, key=lambda region: -int(region.mask.sum()))


def _moved(region: Region, into: Box) -> Region:
    moved = [
        slice(part.start + whole.start, part.stop + whole.start) for part, whole in zip(region.box, into, strict=True)
    ]
    i, j, k = moved
    return Region((i, j, k), region.mask)


def _thickness_mm(mask: Mask, grid: Grid) -> float:
    """Return the diameter of about the largest sphere inside a mask."""
    depth = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=grid.spacing_mm)
    return float(2 * depth.max() - grid.spacing_mm.min())


def _found(name: str, region: Region, grid: Grid) -> Structure:
    start = (region.box[0].start, region.box[1].start, region.box[2].start)
    stop = (region.box[0].stop, region.box[1].stop, region.box[2].stop)
    return Structure(name, Role.OTHER, Volume(region.mask, grid.cropped(start, stop)), Origin.DERIVED)


def _nearest_vertebra(scan: Scan, centre_mm: tuple[float, float, float]) -> str:
    """Return the level of the vertebra whose voxels come nearest."""
    distances: dict[str, float] = {}
    for vertebra in scan.of_role(Role.VERTEBRA):
        region = region_of(vertebra, scan.image.grid)
        if region is None:
            continue
        index = np.argwhere(region.mask) + [part.start for part in region.box]
        points = scan.image.grid.point_mm(index[:: max(1, len(index) // 500)])
        distances[vertebra.level or vertebra.name] = float(np.linalg.norm(points - centre_mm, axis=1).min())
    return min(distances, key=lambda level: distances[level], default="")
