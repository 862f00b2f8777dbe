"""The requests and cards of CDS Hooks 2.0."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from metaspine.exchange.fhir_models import Coding, Element

Text = Annotated[str, Field(min_length=1)]


class Context(Element):
    """Where the user is: whose record, and which orders are being written."""

    user_id: Text
    patient_id: Text
    encounter_id: str | None = None
    selections: list[str] | None = None
    draft_orders: dict[str, Any] | None = None


class HookRequest(Element):
    """A call of a service."""

    hook: Text
    hook_instance: Annotated[UUID, Field(strict=False)]
    context: Context
    prefetch: dict[str, dict[str, Any] | None] | None = None


class Source(Element):
    """Who says what a card says."""

    label: str


class Card(Element):
    """One card for the user; the summary has less than 140 characters."""

    uuid: str
    summary: Annotated[str, Field(max_length=139)]
    detail: str
    indicator: Literal["info", "warning", "critical"]
    source: Source
    override_reasons: list[Coding] | None = None


class AcceptedSuggestion(Element):
    """A suggestion that the user took."""

    id: Text


class OverrideReason(Element):
    """Why the user passed a card over; a comment is not kept, it may name the patient."""

    reason: Coding | None = None


class Feedback(Element):
    """What the user did with a card."""

    card: Text
    outcome: Literal["accepted", "overridden"]
    accepted_suggestions: list[AcceptedSuggestion] | None = None
    override_reason: OverrideReason | None = None
    outcome_timestamp: Text


class FeedbackRequest(Element):
    """What users did with cards."""

    feedback: list[Feedback]
