"""CDS Hooks 2.0: what the services ask for, and their answer to a call.

A service reads only what the client prefetched: it calls nobody and keeps nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from metaspine.assessment import assess
from metaspine.errors import CaseError, InputError
from metaspine.exchange.fhir_findings import told
from metaspine.exchange.fhir_models import Element, plain
from metaspine.exchange.fhir_reading import FhirCase, NoLesion, bundle_as_case
from metaspine.patient.policy import DEFAULT_POLICY, BoardPolicy
from metaspine.running.dates import now_or_source_date
from metaspine.server.cards import Call, card, cards_of_advice, compression_coded
from metaspine.server.hook_models import Card, FeedbackRequest, HookRequest
from metaspine.server.orders import cards_of_order, selected_orders

PREFETCH = {
    "patient": "Patient/{{context.patientId}}",
    "conditions": "Condition?patient={{context.patientId}}",
    "observations": "Observation?patient={{context.patientId}}",
    "procedures": "Procedure?patient={{context.patientId}}",
}
SERVICES = {
    "metaspine-patient-view": {
        "hook": "patient-view",
        "title": "Spinal metastases: urgency, stability, NOMS",
        "description": "Says for a patient with a spinal metastasis what cannot wait, what is advised and what is "
        "missing. Decision support for research; multidisciplinary review required.",
    },
    "metaspine-order-select": {
        "hook": "order-select",
        "title": "Spinal metastases: orders against the advice",
        "description": "Warns where an order for radiotherapy or dexamethasone is one that the advice speaks against. "
        "Decision support for research; multidisciplinary review required.",
    },
}
_RECORD = "the patient's record"
Model = TypeVar("Model", bound=Element)


class UnknownService(InputError):
    """There is no service of that name."""


class MissingPrefetch(InputError):
    """The client did not send the data that the service needs, and the service fetches none itself."""


def discovery() -> dict[str, Any]:
    """Return the services that there are."""
    return {"services": [{"id": name, **service, "prefetch": PREFETCH} for name, service in SERVICES.items()]}


def answer(service: str, body: Any, policy: BoardPolicy = DEFAULT_POLICY) -> dict[str, Any]:
    """Return the cards that answer a call, under a centre's policy.

    Raises
    ------
    UnknownService
        When there is no such service.
    MissingPrefetch
        When a prefetch is absent, failed at the client or has further pages.
    InputError
        When the call is malformed, or of another hook or patient.
    """
    request = _model(HookRequest, body)
    hook = _service(service)["hook"]
    if request.hook != hook:
        raise InputError(f"the hook {request.hook[:40]!r}", where="hook", remedy=f"This service answers {hook}")
    bundle = _bundle(request)
    call = Call(request.hook_instance, policy)
    return {"cards": [plain(one) for one in _cards(call, request, bundle)]}


def take_feedback(service: str, body: Any) -> dict[str, int]:
    """Return how many cards were accepted and how many overridden; nothing of the patient is kept.

    Raises
    ------
    UnknownService
        When there is no such service.
    InputError
        When the feedback is malformed.
    """
    _service(service)
    request = _model(FeedbackRequest, body)
    for place, one in enumerate(request.feedback):
        if one.outcome == "accepted" and not one.accepted_suggestions:
            raise InputError(
                "accepted without acceptedSuggestions",
                where=f"feedback[{place}]",
                remedy="Name the suggestions that were accepted",
            )
    outcomes = [one.outcome for one in request.feedback]
    return {outcome: outcomes.count(outcome) for outcome in ("accepted", "overridden")}


def _service(name: str) -> Mapping[str, str]:
    if name not in SERVICES:
        raise UnknownService(
            f"no service {name[:60]!r}", where="cds-services", remedy=f"There are: {', '.join(SERVICES)}"
        )
    return SERVICES[name]


def _model(kind: type[Model], body: Any) -> Model:
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "request"
        raise InputError(first["msg"], where=place, remedy="Write the request as CDS Hooks 2.0 says") from error


def _bundle(request: HookRequest) -> dict[str, Any]:
    """Return all that was prefetched as one bundle."""
    prefetch = request.prefetch or {}
    missing = [key for key in PREFETCH if key not in prefetch]
    missing += [key for key, one in prefetch.items() if one is not None and not _complete(one)]
    if missing:
        raise MissingPrefetch(
            f"no complete prefetch of {', '.join(dict.fromkeys(missing))}",
            where="prefetch",
            remedy="Send every prefetch of the discovery, in one page; null where there is no data",
        )
    entries: list[Any] = []
    for key in PREFETCH:
        found = prefetch[key]
        if found is None:
            continue
        listed = found.get("entry", []) if found.get("resourceType") == "Bundle" else [{"resource": found}]
        entries += listed if isinstance(listed, list) else [listed]
    patient = prefetch["patient"]
    if patient is not None and patient.get("id") not in (None, request.context.patient_id):
        raise InputError("the prefetched patient is not the one of the context", where="prefetch.patient")
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def _complete(found: dict[str, Any]) -> bool:
    """Say whether a prefetch was got, and has no further page."""
    links = found.get("link")
    further = isinstance(links, list) and any(
        isinstance(link, dict) and link.get("relation") == "next" for link in links
    )
    return found.get("resourceType") != "OperationOutcome" and not further


def _cards(call: Call, request: HookRequest, bundle: dict[str, Any]) -> Iterator[Card]:
    orders = selected_orders(request.context) if request.hook == "order-select" else []
    try:
        found = bundle_as_case(bundle, where=_RECORD, assessed_on=now_or_source_date().date())
    except NoLesion as nothing:
        yield from _without_lesion(call, request, nothing)
        return
    except CaseError as error:
        summary = f"The record cannot be assessed: {error.what}."
        yield card(call, "warning", summary, [error.where, error.what, error.remedy])
        return
    advice = assess(found.case, call.policy)
    if request.hook == "patient-view":
        yield from cards_of_advice(call, advice, _remarks(found))
    for order in orders:
        yield from cards_of_order(call, order, advice)


def _without_lesion(call: Call, request: HookRequest, nothing: NoLesion) -> Iterator[Card]:
    """Yield a card where something of the spine is coded; most patients have nothing there, and get none."""
    if request.hook != "patient-view":
        return
    yield from compression_coded(call, nothing.notes)
    unplaced = [one for one in nothing.not_used if one.reason.startswith("a metastasis without")]
    if unplaced:
        summary = "A bone metastasis is coded without a vertebral level: state the level for an assessment."
        lines = [f"{one.resource} ({one.code}): {one.reason}" for one in unplaced]
        yield card(call, "info", summary, lines)


def _remarks(found: FhirCase) -> list[str]:
    read = [f"Read: {note.message} ({note.key})" for note in found.case.notes]
    return read + [f"{resource}: {message}" for resource, message in told(found.not_used)]
