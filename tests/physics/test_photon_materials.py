"""Materials: sums, sources, formulas, mixtures, refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
import xraylib
from hypothesis import given, settings
from hypothesis import strategies as st

from metaspine.errors import InputError
from metaspine.evidence import look_up
from metaspine.physics.materials import (
    Material,
    carbon_peek,
    cement,
    material,
    materials,
    mixture,
    named_material,
    read_materials,
)


@pytest.mark.parametrize("name", sorted(materials()))
def test_fractions_sum_to_one_and_every_material_names_its_source(name: str) -> None:
    found = material(name)
    assert sum(fraction for _, fraction in found.mass_fractions) == pytest.approx(1, abs=1e-6)
    assert found.evidence
    assert all(look_up(identifier) for identifier in found.evidence)
    numbers = [number for number, _ in found.mass_fractions]
    assert numbers == sorted(set(numbers))


def test_the_tissues_and_implants_of_a_spine_are_there() -> None:
    wanted = (
        "air lung adipose soft muscle water red-marrow yellow-marrow spongiosa cortical pmma titanium tantalum gold"
    )
    assert {*wanted.split(), "beryllium", "peek", "carbon-fibre"} <= set(materials())


def test_icru_cortical_bone_holds_the_calcium_that_icru_44_prints() -> None:
    assert dict(material("cortical").mass_fractions)[20] == 0.225


@pytest.mark.parametrize(
    ("name", "compound"), [("pmma", "C5H8O2"), ("barium-sulfate", "BaSO4"), ("polyetherimide", "C37H24N2O6")]
)
def test_formulas_are_weighed_as_xraylib_weighs_them(name: str, compound: str) -> None:
    parsed = xraylib.CompoundParser(compound)
    expected = dict(zip(parsed["Elements"], parsed["massFractions"], strict=True))
    assert dict(material(name).mass_fractions) == pytest.approx(expected)


def test_an_unknown_material_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"no material 'unobtainium'.*There are: .*titanium"):
        material("unobtainium")


def test_fractions_that_do_not_sum_to_one_are_refused() -> None:
    with pytest.raises(InputError, match=r"material odd: the mass fractions sum to 0\.9.*sum to 1"):
        Material("odd", "odd", ((1, 0.1), (8, 0.8)), 1.0, ("MAT-01",))


def test_a_density_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match=r"material odd: a density of 0"):
        Material("odd", "odd", ((1, 1.0),), 0.0, ("MAT-01",))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{title: x, density_g_cm3: 1, mass_fractions: {H: 0.5}, evidence: MAT-01}", "sum to 0.5"),
        ("{title: x, density_g_cm3: 1, mass_fractions: {Qq: 1.0}, evidence: MAT-01}", "unknown element"),
        ("{title: x, density_g_cm3: 1, mass_fractions: {H: 1.0}, evidence: NOWHERE-1}", "NOWHERE-1"),
        ("{title: x, density_g_cm3: 1, evidence: MAT-01}", "either mass_fractions or formula"),
        ("{title: x, density_g_cm3: -1, formula: {H: 2}, evidence: MAT-01}", "density_g_cm3"),
    ],
)
def test_a_bad_materials_file_is_refused(tmp_path: Path, entry: str, message: str) -> None:
    path = tmp_path / "materials.yaml"
    path.write_text(f"metaspine_materials: 1\nmaterials:\n  odd: {entry}\n", encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_materials(path)


def test_cement_holds_the_barium_that_its_percentage_says() -> None:
    found = cement(barium_sulfate_percent=30)
    assert dict(found.mass_fractions)[56] == pytest.approx(0.3 * 137.327 / 233.39, rel=1e-3)
    assert found.density_g_cm3 == pytest.approx(1 / (0.7 / 1.19 + 0.3 / 4.5))
    assert cement().mass_fractions == material("pmma").mass_fractions


@pytest.mark.parametrize("percent", [-1, 100, 130])
def test_cement_of_no_pmma_is_refused(percent: float) -> None:
    with pytest.raises(InputError, match="cement with"):
        cement(barium_sulfate_percent=percent)


def test_carbon_peek_has_the_density_of_implants() -> None:
    assert carbon_peek().density_g_cm3 == pytest.approx(1.55, abs=0.005)


@settings(max_examples=30)
@given(share=st.floats(0, 1))
def test_a_mixture_lies_between_its_parts(share: float) -> None:
    light, heavy = material("red-marrow"), material("cortical")
    mixed = mixture("mixed", "mixed", {light: 1 - share, heavy: share})
    assert light.density_g_cm3 - 1e-9 <= mixed.density_g_cm3 <= heavy.density_g_cm3 + 1e-9
    assert sum(fraction for _, fraction in mixed.mass_fractions) == pytest.approx(1, abs=1e-4)


def test_a_mixture_of_shares_that_do_not_sum_to_one_is_refused() -> None:
    with pytest.raises(InputError, match="sum to"):
        mixture("mixed", "mixed", {material("water"): 0.7})


def test_materials_as_a_person_names_them() -> None:
    assert named_material("titanium") is material("titanium")
    assert named_material("carbon-peek") == carbon_peek()
    assert named_material("cement-30-BaSO4") == cement(barium_sulfate_percent=30)
    assert named_material("cement-12.5-zro2") == cement(zirconium_dioxide_percent=12.5)
    assert dict(named_material("cement").mass_fractions) == pytest.approx(dict(material("pmma").mass_fractions))
    with pytest.raises(InputError, match=r"no material 'cement-30'.*also carbon-peek, cement"):
        named_material("cement-30")
