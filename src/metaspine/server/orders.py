"""An order that is being written, held against the advice: a card only where the advice speaks against it (CDS-02)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from metaspine.assessment import in_words
from metaspine.errors import InputError
from metaspine.exchange.fhir_codes import NOMS, after, codes_of, levels_of, tables
from metaspine.exchange.fhir_models import Bundle, Order
from metaspine.patient.advice import Advice, LesionAdvice
from metaspine.server.cards import Call, Indicator, card
from metaspine.server.hook_models import Card, Context

_AGAINST_STEROIDS: dict[str, Indicator] = {
    "DEFER_UNTIL_TISSUE": "warning",
    "CONFLICT_GIVE_OR_DEFER": "warning",
    "OMIT_ASYMPTOMATIC_RADIOLOGICAL": "info",
    "NOT_INDICATED": "info",
}
_IRRADIATION_FIRST = ("CEBRT", "SRS")


def selected_orders(context: Context) -> list[Order]:
    """Return the orders that the user just selected.

    Raises
    ------
    InputError
        When the hook's context has no selections or no bundle of draft orders.
    """
    if context.selections is None or context.draft_orders is None:
        raise InputError(
            "the context has no selections or no draftOrders",
            where="context",
            remedy="Send both, as the hook order-select asks",
        )
    try:
        entries = Bundle.model_validate(context.draft_orders).entry
        known = [entry.resource or {} for entry in entries]
        return [Order.model_validate(values) for values in known if _is_selected(values, context.selections)]
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise InputError(
            "the draft orders are malformed", where=f"context.draftOrders, {place}", remedy="Send a FHIR R4 Bundle"
        ) from error


def _is_selected(values: dict[str, Any], selections: list[str]) -> bool:
    kind, identifier = str(values.get("resourceType")), str(values.get("id"))
    return (
        kind in ("ServiceRequest", "MedicationRequest")
        and {f"{kind}/{identifier}", identifier} & set(selections) != set()
    )


def cards_of_order(call: Call, order: Order, advice: Advice) -> Iterator[Card]:
    """Yield what the advice says against an order."""
    codes = codes_of(order.ordered)
    lesion = _lesion(order, advice)
    if _is_steroid(order):
        yield from _steroid(call, advice.leading)
    for code in after(NOMS, codes):
        if code not in lesion.noms.acceptable:
            yield _excluded(call, lesion, _named(code))
    radiotherapy = tables()["radiotherapy"]
    within = f"snomed|{radiotherapy['intraoperative']}" in codes
    if within:
        yield from _intraoperative(call, lesion)
    elif f"snomed|{radiotherapy['photons']}" in codes and not set(_IRRADIATION_FIRST) & set(lesion.noms.acceptable):
        yield _excluded(call, lesion, "external-beam radiotherapy")


def _named(code: str) -> str:
    try:
        return in_words("noms", code)
    except KeyError:
        return code[:40]


def _lesion(order: Order, advice: Advice) -> LesionAdvice:
    """Return the lesion that the order names by its body site, else the one that decides for the patient."""
    named = (advice.of_level(level) for level in levels_of(*(order.body_site or ())))
    return next((lesion for lesion in named if lesion is not None), advice.leading)


def _is_steroid(order: Order) -> bool:
    codes = codes_of(order.ordered)
    texts = [order.ordered.text or "", *(coding.display or "" for coding in order.ordered.coding)]
    words = tables()["orders"]["steroid_words"]
    named = any(word in text.lower() for word in words for text in texts)
    return named or any(code in tables()["orders"]["steroid"] for code in codes)


def _steroid(call: Call, lesion: LesionAdvice) -> Iterator[Card]:
    """Yield what the advice says against steroids; it is the patient's, and comes from the lesion that decides."""
    value = lesion.steroids.value
    if isinstance(value, str) and value in _AGAINST_STEROIDS:
        summary = f"{lesion.level}: dexamethasone is ordered; the advice: {in_words('steroids', value)}."
        evidence = ", ".join(lesion.steroids.basis.evidence)
        yield card(call, _AGAINST_STEROIDS[value], summary, [in_words("steroids", value), f"Rests on: {evidence}"])


def _excluded(call: Call, lesion: LesionAdvice, ordered: str) -> Card:
    possible = "; ".join(in_words("noms", code) for code in lesion.noms.acceptable)
    lines = [f"Ordered: {ordered}", f"The advice: {possible}", f"Rests on: {', '.join(lesion.noms.basis.evidence)}"]
    return card(call, "warning", f"{lesion.level}: {ordered} is ordered; the advice: {possible}.", lines)


def _intraoperative(call: Call, lesion: LesionAdvice) -> Iterator[Card]:
    found = (lesion.iort_stabilisation, lesion.iort_kyphoplasty)
    if any(one.status != "ineligible" for one in found):
        return
    hard = {reason.code: reason for one in found for reason in one.reasons if reason.weight == "hard"}
    lines = [f"{in_words('iort_reason', code)} ({', '.join(reason.evidence)})" for code, reason in hard.items()]
    yield card(call, "warning", f"{lesion.level}: intraoperative radiotherapy is ordered; NOT eligible.", lines)
