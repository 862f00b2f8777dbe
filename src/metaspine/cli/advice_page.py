"""The advice as a page in the terminal: plain words first, the code and what it rests on beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule as Line
from rich.table import Table
from rich.text import Text

from metaspine.assessment import in_words
from metaspine.assessment.summary import not_judged, unknown_cord_signs, windows_in_words
from metaspine.cli.board_page import closing, heading, ids, opening, options, scores
from metaspine.patient.advice import Advice, Answer, Basis, IortEligibility, LesionAdvice, Score
from metaspine.patient.board import Board
from metaspine.patient.case import Case

_STATUS_STYLE = {"eligible": "green", "conditional": "yellow", "indeterminate": "yellow", "ineligible": "red"}
_URGENCY_STYLE = {"emergency": "bold white on red", "urgent": "bold red", "elective": "green", "not_specified": ""}
_WITHOUT_CORD_SIGNS = ("OMIT_ASYMPTOMATIC_RADIOLOGICAL", "NOT_INDICATED")
_MARK = {"hard": ("✗ ", "red"), "unknown": ("? ", "yellow"), "conditional": ("! ", "yellow")}


def advice_page(case: Case, board: Board) -> Iterator[RenderableType]:
    """Yield the blocks of the page: in short, what first, each lesion, the patient, what is around and what is open."""
    advice = board.advice
    yield Panel(
        Text(advice.disclaimer, style="bold"), subtitle=_who(case), subtitle_align="left", border_style="yellow"
    )
    if len(advice.lesions) > 1:
        yield Text(f"{len(advice.lesions)} lesions, each judged alone; {advice.leading.level} decides for the patient.")
    yield from opening(board)
    for lesion in board.lesions:
        yield heading(lesion.advice.level)
        yield from options(lesion)
        yield heading(f"{lesion.advice.level} in detail")
        yield _lesion(lesion.advice, advice.leading)
    yield heading("Patient")
    yield _patient(board)
    yield from closing(board)
    yield from _missing(board)
    yield from _reading_notes(advice)
    yield _legend(advice)


def _who(case: Case) -> Text:
    patient = case.patient
    age = "age not known" if patient.age_years is None else f"{patient.age_years:g} years"
    sex = {"F": "female", "M": "male"}.get(patient.sex or "", "sex not known")
    return Text(f" {sex}, {age}, {in_words('primary', case.oncology.primary)} ")


def _lesion(lesion: LesionAdvice, leading: LesionAdvice) -> Table:
    table = _table()
    _row(table, "Recommendation", _recommendation(lesion), lesion.noms.basis)
    _row(table, "How fast", _how_fast(lesion), lesion.urgency.basis)
    _row(table, "Stability", _stability(lesion), _together(lesion.sins.basis, lesion.mechanical_urgency.basis))
    _row(table, "Compression", _compression(lesion), lesion.escc.basis)
    _row(table, "Radiosensitivity", _radiosensitivity(lesion), lesion.radiosensitivity.basis)
    if lesion is leading:
        _row(table, "Steroids", _steroids(lesion), lesion.steroids.basis)
    else:
        _row(table, "Steroids", Text(f"the patient's: see {leading.level}, which decides"), leading.steroids.basis)
    _row(
        table,
        "IORT with\nstabilisation",
        _eligibility(lesion.iort_stabilisation),
        _role_basis(lesion.iort_stabilisation),
    )
    _row(table, "IORT with\nkyphoplasty", _eligibility(lesion.iort_kyphoplasty), _role_basis(lesion.iort_kyphoplasty))
    if lesion.ebrt_schedule.value is not None:
        _row(table, "Schedule", _answer("ebrt_schedule", lesion.ebrt_schedule, ""), lesion.ebrt_schedule.basis)
    _row(
        table,
        "Embolisation",
        _yes_no(lesion.preop_embolisation, "before the operation"),
        lesion.preop_embolisation.basis,
    )
    _row(table, "En bloc", _yes_no(lesion.en_bloc_criteria_met, "criteria met"), lesion.en_bloc_criteria_met.basis)
    _further(table, lesion)
    return table


def _further(table: Table, lesion: LesionAdvice) -> None:
    again, after = lesion.reirradiation, lesion.postop_sbrt
    if again is not None:
        _row(table, "Re-irradiation", _reirradiation(lesion), again.basis)
    if after is not None:
        open_question = not after.contraindications and after.basis.missing
        other = "cannot be decided yet" if open_question else "no candidate"
        text = Text(f"stereotactic radiotherapy after surgery: {'a candidate' if after.candidate else other}")
        for word, codes in (("against", after.contraindications), ("for", after.indications)):
            for code in codes:
                text.append(f"\n{word}: {in_words('postop', code)}").append(f"  {code}", style="dim")
        _row(table, "After surgery", text, after.basis)


def _recommendation(lesion: LesionAdvice) -> Text:
    noms = lesion.noms
    text = Text()
    if noms.recommendation is not None:
        text.append(in_words("noms", noms.recommendation), style="bold").append(f"  {noms.recommendation}", style="dim")
    else:
        text.append("alternatives; none is preferred, because something decisive is open", style="bold")
    others = [row for row in noms.acceptable if row != noms.recommendation]
    for row in others:
        text.append(f"\nor  {in_words('noms', row)}").append(f"  {row}", style="dim")
    text.append(f"\n{in_words('capacity', noms.surgical_capacity)}")
    for code in noms.hard_stops:
        text.append(f"\n■ {in_words('hard_stop', code)}", style="bold red").append(f"  {code}", style="dim")
        text.append(f" {ids(noms.flag_evidence[code])}", style="dim")
    for code in (code for code in noms.flags if code not in noms.hard_stops):
        text.append(f"\n• {in_words('flag', code)}").append(f"  {code}", style="dim")
        text.append(f" {ids(noms.flag_evidence[code])}", style="dim")
    return text


def _how_fast(lesion: LesionAdvice) -> Text:
    urgency = lesion.urgency
    words = "cannot be judged yet" if not_judged(urgency) else in_words("urgency_class", urgency.urgency_class)
    text = Text(words, style=_URGENCY_STYLE[urgency.urgency_class])
    said = windows_in_words(urgency)
    shown = Text.assemble(text, Text(f": {said}", style="not bold not reverse") if said else "")
    unknown = unknown_cord_signs(urgency.basis)
    if urgency.urgency_class != "emergency" and unknown:
        shown.append(f"\nan EMERGENCY if there are cord signs; not known: {unknown}", style="bold yellow")
    return shown


def _steroids(lesion: LesionAdvice) -> Text:
    text = _answer("steroids", lesion.steroids, "cannot be decided yet")
    unknown = unknown_cord_signs(lesion.steroids.basis)
    if lesion.steroids.value in _WITHOUT_CORD_SIGNS and unknown:
        text.append(f"\nonly without cord signs; not known: {unknown}", style="bold yellow")
    return text


def _stability(lesion: LesionAdvice) -> Text:
    score = lesion.sins
    low, high = score.range
    number = f"SINS {low} of 18" if low == high else f"SINS {low} to {high} of 18"
    text = Text.assemble((number, "bold"), f", {in_words('sins_category', score.category)}")
    if lesion.mechanical_urgency.value is not None and score.category != "not_determinable":
        text.append(f"\n{in_words('mechanical_urgency', str(lesion.mechanical_urgency.value))}")
    if score.components is None:
        text.append(f"\n{in_words('sins_source', score.source)}")
    else:
        items = (f"{in_words('sins_item', item)} {_points(points)}" for item, points in score.components.items())
        text.append(f"\n{', '.join(items)}")
    return text


def _points(points: int | None) -> str:
    return "not exactly known" if points is None else str(points)


def _compression(lesion: LesionAdvice) -> Text:
    grade = lesion.escc
    if grade.grade is None or grade.compression is None:
        return Text("ESCC not known: MRI")
    text = Text.assemble((f"ESCC {grade.grade}", "bold"), f", {in_words('compression', grade.compression)}: ")
    text.append(in_words("escc", grade.grade))
    for note in grade.basis.notes:
        text.append(f"\n{note}", style="italic")
    return text


def _radiosensitivity(lesion: LesionAdvice) -> Text:
    found = lesion.radiosensitivity
    text = Text(in_words("radiosensitivity", found.effective), style="bold red" if found.conflict else "bold")
    text.append(f" ({in_words('effective_reason', found.effective_reason)})", style="not bold")
    lists = (("NOMS list (S1)", found.noms_s1), ("Gerszten list (S2)", found.gerszten_s2))
    said = ", ".join(f"{name} {in_words('radiosensitivity', code)}" for name, code in lists)
    return Text.assemble(text, f"\n{said}", ("\nthe lists conflict", "red") if found.conflict else "")


def _eligibility(eligibility: IortEligibility) -> Text:
    text = Text(in_words("iort_status", eligibility.status), style=f"bold {_STATUS_STYLE[eligibility.status]}")
    text = Text.assemble(text)
    if eligibility.role is not None:
        text.append(f"; {in_words('role', eligibility.role)}")
    if eligibility.status in ("eligible", "conditional") and eligibility.basis.missing:
        unknown = ", ".join(in_words("key", key) for key in eligibility.basis.missing)
        text.append(f"\nas far as is known; not known, and could exclude: {unknown}", style="bold yellow")
    order = list(_MARK)
    for reason in sorted(eligibility.reasons, key=lambda reason: order.index(reason.weight)):
        mark, style = _MARK[reason.weight]
        text.append(f"\n{mark}", style=style).append(in_words("iort_reason", reason.code))
        text.append(f"  {reason.code}", style="dim").append(f" {ids(reason.evidence)}", style="dim")
    return text


def _role_basis(eligibility: IortEligibility) -> Basis:
    """Return the basis less what stands beside each reason already."""
    beside = {name for reason in eligibility.reasons for name in reason.evidence}
    kept = tuple(name for name in eligibility.basis.evidence if name not in beside)
    return Basis(kept, eligibility.basis.missing)


def _answer(part: str, answer: Answer, otherwise: str) -> Text:
    if not isinstance(answer.value, str):
        return Text(otherwise)
    return Text.assemble(in_words(part, answer.value), (f"  {answer.value}", "dim"))


def _yes_no(answer: Answer, what: str) -> Text:
    word = {True: "yes", False: "no", None: "cannot be decided yet"}[
        bool(answer.value) if answer.value is not None else None
    ]
    return Text(f"{what}: {word}")


def _reirradiation(lesion: LesionAdvice) -> Text:
    again = lesion.reirradiation
    if again is None:
        return Text("")
    lines = []
    if again.prior_thecal_sac_eqd2_2 is not None:
        lines.append(f"thecal sac so far {again.prior_thecal_sac_eqd2_2:g} Gy EQD2 (alpha/beta 2 Gy)")
    if again.max_new_thecal_sac_eqd2_2 is not None:
        lines.append(f"a new course may add at most {again.max_new_thecal_sac_eqd2_2:g} Gy EQD2")
        lines.append(f"that is {again.iort_max_canal_gy_physical:g} Gy physical of 50 kV at the canal")
    if again.reason is not None:
        lines.append(in_words("reirradiation", again.reason))
    return Text("\n".join(lines))


def _patient(board: Board) -> Table:
    advice, table = board.advice, _table()
    for name, top, score in (
        ("Tokuhashi 2005", 15, advice.tokuhashi_revised),
        ("Tomita", 10, advice.tomita),
        ("Bauer, modified", 4, advice.bauer_modified),
    ):
        _row(table, name, _score(score, top), score.basis)
    rule, goals = advice.survival_surgery_rule, advice.goals_of_care
    _row(table, "Survival", _answer("survival_surgery_rule", rule, "expected survival not known"), rule.basis)
    _row(
        table, "Goals of care", _answer("goals_of_care", goals, "not stated without the expected survival"), goals.basis
    )
    for code in (*advice.flags, *advice.prognosis_flags):
        text = Text.assemble((in_words("flag", code), "bold yellow"), (f"  {code}", "dim"))
        _row(table, "Note", text, Basis(advice.flag_evidence[code]))
    for title, text, evidence in scores(board):
        _row(table, title, text, Basis(evidence))
    return table


def _score(score: Score, top: int) -> Text:
    if score.total is not None and score.meaning is not None:
        return Text.assemble((f"{score.total} of {top}", "bold"), f", {in_words('meaning', score.meaning)}")
    text = Text(f"no score: {in_words('score_reason', score.reason or 'missing_data')}")
    if score.reason == "missing_data" and score.reachable is not None:
        text.append(f" (between {score.reachable[0]} and {score.reachable[1]} of {top})")
    return text


def _missing(board: Board) -> Iterator[RenderableType]:
    if not board.missing:
        return
    yield heading("Not known, and could change the above", "yellow")
    table = Table.grid(padding=(0, 2))
    for key, levels in board.missing.items():
        of_levels = f" ({', '.join(levels)})" if len(board.lesions) > 1 and key.startswith("lesion.") else ""
        table.add_row(Text(f"? {in_words('key', key)}{of_levels}"), Text(key, style="dim"))
    yield table


def _reading_notes(advice: Advice) -> Iterator[RenderableType]:
    if not advice.notes:
        return
    yield heading("While reading the case file", "yellow")
    for note in advice.notes:
        yield Text.assemble(f"• {note.key}: {note.message}", (f"  {note.evidence}", "dim cyan"))


def _legend(advice: Advice) -> RenderableType:
    said = ", ".join(f"[{code}] {in_words('confidence', code)}" for code in ("S", "V", "I", "R-H", "R-M", "C"))
    lines = Text(f"Rests on: {said}. `metaspine evidence ID` shows an entry with its references.", style="dim")
    scores = Text(
        "Tokuhashi, Tomita and Bauer are increasingly obsolete (S1): never decide by them alone.", style="dim"
    )
    policy = Text(f"Policy where the sources disagree: {advice.policy.in_words}.", style="dim")
    return Group(Line(style="dim"), lines, scores, policy, Text(advice.disclaimer, style="bold"))


def _together(*bases: Basis) -> Basis:
    return Basis(_once(name for basis in bases for name in basis.evidence))


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _table() -> Table:
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(style="bold cyan", width=16)
    table.add_column(ratio=1)
    return table


def _row(table: Table, topic: str, answer: Text, basis: Basis) -> None:
    table.add_row(topic, Text.assemble(answer, "\n", (f"↳ {ids(basis.evidence)}", "dim")))
    table.add_row("", "")
