"""Why the advice is what it is, rule by rule, and what one changed fact would make of it, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from rich.console import RenderableType
from rich.text import Text

from metaspine.assessment import in_words
from metaspine.cli.board_page import heading, ids
from metaspine.patient.trace import AskedFact, Trace, Traced
from metaspine.patient.what_if import Altered, Alternative, Change


def why(trace: Trace) -> Iterator[RenderableType]:
    """Yield every rule that fired with the facts it fired on, and those that one condition kept from firing."""
    for traced in (*trace.of_lesions, trace.of_patient):
        name = traced.level or "Patient"
        yield heading(f"{name}: the rules that fired")
        yield from _fired(traced)
        if traced.almost:
            yield heading(f"{name}: rules that one condition kept from firing", "yellow")
            yield from _almost(traced)


def _fired(traced: Traced) -> Iterator[Text]:
    for fired in traced.fired:
        text = Text.assemble((fired.said.rule, "bold"), f" says {_outcome(fired.said.outcome)}")
        on = ", ".join(map(_fact, fired.facts))
        text.append(f": {on}" if on else " (always)").append(f"  {ids(fired.said.evidence)}", style="dim")
        yield text


def _almost(traced: Traced) -> Iterator[Text]:
    for almost in traced.almost:
        text = Text.assemble((almost.said.rule, "bold"), f" would say {_outcome(almost.said.outcome)}: ")
        yield text.append(f"{_fact(almost.fact)}, wanted {almost.wanted}")


def what_if(changes: tuple[Change, ...]) -> Iterator[RenderableType]:
    """Yield what each single changed fact would alter: those not known first, then those that alter most."""
    unknown = [change for change in changes if change.now is None]
    stated = [change for change in changes if change.now is not None]
    for title, style, found in (
        ("What is not known, and what it would alter", "yellow", unknown),
        ("What is stated, and what another finding would alter", "cyan", stated),
    ):
        if found:
            yield heading(title, style)
        for change in found:
            now = "" if change.now is None else f" (now {_shown(change.now)})"
            yield Text.assemble((change.key, "bold"), now)
            for alike in _alike(change.alternatives):
                yield _altered(alike)


def _alike(alternatives: tuple[Alternative, ...]) -> Iterator[tuple[Alternative, ...]]:
    """Yield the alternatives that follow each other and alter the same."""
    for _, found in groupby(alternatives, key=lambda each: each.alters):
        yield tuple(found)


def _altered(alternatives: tuple[Alternative, ...]) -> Text:
    values = ", ".join(_shown(each.value) for each in alternatives)
    text = Text.assemble("  ", (values, "cyan"), ":")
    for change in alternatives[0].alters:
        text.append(f"\n    {_change(change)}")
    return text


def _change(change: Altered) -> str:
    part = in_words("what_if", change.part)
    return f"{change.level} {part}: {_shown(change.before)} → {_shown(change.after)}"


def _fact(fact: AskedFact) -> str:
    return f"{fact.name} {_shown(fact.value)}"


def _outcome(said: object) -> str:
    return "nothing" if said is None else _shown(said)


def _shown(value: object) -> str:
    if isinstance(value, tuple | list):
        return " or ".join(map(_shown, value)) or "none"
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
