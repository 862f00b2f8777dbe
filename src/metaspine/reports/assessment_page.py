"""The assessment: scores, grades, the NOMS row, eligibility, urgency, each with its sources and what is missing."""

from __future__ import annotations

from collections.abc import Mapping

from metaspine.assessment.summary import not_judged
from metaspine.evidence import entries
from metaspine.patient.advice import (
    Advice,
    Answer,
    Basis,
    Escc,
    IortEligibility,
    LesionAdvice,
    Noms,
    Radiosensitivity,
    Score,
    Sins,
    Urgency,
)
from metaspine.patient.case import Case, ReadingNote
from metaspine.reports.blocks import Block, Fact, Facts, KeyNumber, KeyNumbers, Page, Table
from metaspine.reports.citations import cited
from metaspine.reports.clinical_words import each_in_words, in_words
from metaspine.reports.wording import UNKNOWN, because, known, listed, quantity, spoken, yes_or_no

_NO_REASON = "no reason against"
_WEIGHTS = {"hard": "excludes", "unknown": "not known", "conditional": "conditional"}


def assessment_page(case: Case, advice: Advice, *, level: str = "", reasons: bool = True) -> Page:
    """Return the assessment of the lesion at a level; where the case has none there, of the one that decides.

    Without its table of ``reasons`` it follows, on the same sheet, a page that has shown them.
    """
    lesion = advice.of_level(level) or advice.leading
    blocks: list[Block] = [
        first_numbers(lesion),
        patient_facts(case),
        Facts("Stability, compression, radiosensitivity, NOMS", noms_facts(lesion)),
        Facts("Urgency and support", urgency_facts(lesion, advice.leading)),
        Facts("Intraoperative radiotherapy", iort_facts(lesion)),
        *((reason_table(lesion),) if reasons else ()),
        Facts(
            "Prognosis (increasingly obsolete scores: never decide by them alone) and goals", prognosis_facts(advice)
        ),
        flag_table(advice, lesion),
    ]
    if len(advice.lesions) > 1:
        blocks.append(lesion_table(advice))
    if advice.notes:
        blocks.append(note_table(advice.notes))
    absent = f"The case file describes no lesion at {level}: this is the assessment of {lesion.level}."
    return Page(
        f"Assessment of {lesion.level}",
        tuple(blocks),
        standfirst=absent if level not in ("", lesion.level) else "",
        follows=not reasons,
    )


def first_numbers(lesion: LesionAdvice) -> KeyNumbers:
    """Return what the board reads first: SINS, ESCC, NOMS, eligibility."""
    sins, escc, iort = lesion.sins, lesion.escc, lesion.iort_stabilisation
    return KeyNumbers(
        (
            KeyNumber("SINS", sins_total(sins), spoken(sins.category), sins.category == "unstable"),
            KeyNumber(
                "ESCC",
                known(escc.grade),
                in_words("compression", escc.compression, "class unknown"),
                escc.compression == "high",
            ),
            KeyNumber("Urgency", _how_urgent(lesion.urgency), alarm=lesion.urgency.urgency_class == "emergency"),
            KeyNumber("Stabilisation-IORT", iort.status, alarm=iort.status == "ineligible"),
        )
    )


def patient_facts(case: Case) -> Facts:
    """Return who was assessed, as far as the case file says; it holds no name."""
    patient, oncology = case.patient, case.oncology
    age = quantity(patient.age_years, "years", 0, reason="the case file does not say")
    survival = quantity(patient.expected_survival_months, "months", 0, reason="the case file does not say")
    histology = f"histology confirmed: {yes_or_no(oncology.histology_confirmed)}"
    return Facts(
        "Patient",
        (
            Fact(
                "Age, sex", f"{age}, {known(patient.sex)}", f"KPS {_number(patient.kps)}, ECOG {_number(patient.ecog)}"
            ),
            Fact("Primary", f"{in_words('primary', oncology.primary)}, subtype {known(oncology.subtype)}", histology),
            Fact("Expected survival", survival),
        ),
    )


def sins_total(sins: Sins) -> str:
    """Return the total, or the range that it can still have."""
    return str(sins.total) if sins.total is not None else f"{sins.range[0]} to {sins.range[1]}"


def noms_facts(lesion: LesionAdvice) -> tuple[Fact, ...]:
    """Return SINS with its parts, ESCC, radiosensitivity and the NOMS row."""
    return (
        sins_fact(lesion.sins),
        escc_fact(lesion.escc),
        radiosensitivity_fact(lesion.radiosensitivity),
        *noms_fact(lesion.noms),
    )


def sins_fact(sins: Sins) -> Fact:
    """Return the SINS with every part, and what is missing."""
    words = (
        "parts not given: the total was reported"
        if sins.components is None
        else ", ".join(f"{spoken(name)} {_number(points)}" for name, points in sins.components.items())
    )
    missing = f"; not exactly known: {listed([spoken(name) for name in sins.missing])}" if sins.missing else ""
    consult = f"spine surgeon's consultation: {yes_or_no(sins.surgeon_consult)}"
    value = f"{sins_total(sins)} of 18, {in_words('sins_category', sins.category)}; {consult}"
    return Fact("SINS", value, _note(f"{words}{missing}", sins.basis))


def escc_fact(escc: Escc) -> Fact:
    """Return the grade of epidural compression."""
    value = f"grade {known(escc.grade)}, {in_words('compression', escc.compression, 'class unknown')}"
    canal = "" if escc.basis.notes else f"the canal holds: {known(escc.region)}"
    return Fact("ESCC", value, _note(canal, escc.basis))


def radiosensitivity_fact(radiosensitivity: Radiosensitivity) -> Fact:
    """Return the class that is followed, and what each list says."""
    lists = (
        f"NOMS list (S1): {in_words('radiosensitivity', radiosensitivity.noms_s1)}; "
        f"list of S2: {in_words('radiosensitivity', radiosensitivity.gerszten_s2)}; "
        f"in conflict: {yes_or_no(radiosensitivity.conflict)}"
    )
    reason = in_words("effective_reason", radiosensitivity.effective_reason)
    value = f"{in_words('radiosensitivity', radiosensitivity.effective)} ({reason})"
    return Fact("Radiosensitivity", value, _note(lists, radiosensitivity.basis), alarm=radiosensitivity.conflict)


def noms_fact(noms: Noms) -> tuple[Fact, ...]:
    """Return the recommendation with its alternatives, and what stops it."""
    others = [row for row in noms.acceptable if row != noms.recommendation]
    agreed = noms.table_2013 is not None and noms.table_2013 == noms.recommendation
    rest = (
        f"{'also ' if noms.recommendation else ''}acceptable: {each_in_words('noms', others)}; "
        f"table of 2013: {'the same' if agreed else in_words('noms', noms.table_2013, 'no row')}; "
        f"{in_words('capacity', noms.surgical_capacity)}"
    )
    return (
        Fact("NOMS", in_words("noms", noms.recommendation, "no single recommendation"), _note(rest, noms.basis)),
        Fact("Stops", each_in_words("hard_stop", noms.hard_stops), alarm=bool(noms.hard_stops)),
    )


def urgency_facts(lesion: LesionAdvice, leading: LesionAdvice) -> tuple[Fact, ...]:
    """Return the times within which things must happen, and what supports the patient meanwhile.

    Steroids are the patient's: they are told of the lesion that decides.
    """
    steroids = (
        answer_fact("Steroids", "steroids", lesion.steroids, because())
        if lesion is leading
        else Fact("Steroids", f"the patient's: see {leading.level}, which decides")
    )
    return (
        urgency_fact(lesion.urgency),
        answer_fact("Mechanical urgency", "mechanical_urgency", lesion.mechanical_urgency, "none: stable"),
        steroids,
        answer_fact("External-beam schedule", "ebrt_schedule", lesion.ebrt_schedule, "none in this row"),
        answer_fact("Embolisation before surgery", "preop_embolisation", lesion.preop_embolisation, because()),
        answer_fact("En-bloc criteria met", "en_bloc_criteria_met", lesion.en_bloc_criteria_met, because()),
    )


def urgency_fact(urgency: Urgency) -> Fact:
    """Return the class of urgency with its windows."""
    windows = (
        f"MRI within {_hours(urgency.mri_within_h)}; treatment within {_hours(urgency.treatment_within_h)}; "
        f"biopsy within {_hours(urgency.biopsy_within_h)}"
    )
    emergency = urgency.urgency_class == "emergency"
    return Fact("Urgency", _how_urgent(urgency), _note(windows, urgency.basis), alarm=emergency)


def _how_urgent(urgency: Urgency) -> str:
    return UNKNOWN if not_judged(urgency) else spoken(urgency.urgency_class)


def iort_facts(lesion: LesionAdvice) -> tuple[Fact, ...]:
    """Return the eligibility for both procedures with the role beside NOMS."""
    procedures = (("Stabilisation-IORT", lesion.iort_stabilisation), ("Kypho-IORT", lesion.iort_kyphoplasty))
    return tuple(iort_fact(name, eligibility) for name, eligibility in procedures)


def iort_fact(name: str, eligibility: IortEligibility) -> Fact:
    """Return one eligibility with its reasons in words."""
    weighty_first = sorted(eligibility.reasons, key=lambda reason: list(_WEIGHTS).index(reason.weight))
    reasons = each_in_words("iort_reason", [reason.code for reason in weighty_first], _NO_REASON)
    role = f"role beside NOMS: {in_words('role', eligibility.role, 'none')}"
    alarm = eligibility.status == "ineligible"
    return Fact(name, f"{eligibility.status}: {reasons}", _note(role, eligibility.basis), alarm=alarm)


def reason_table(lesion: LesionAdvice) -> Table:
    """Return every reason against either procedure with its weight and the rule behind it."""
    procedures = (("stabilisation-IORT", lesion.iort_stabilisation), ("Kypho-IORT", lesion.iort_kyphoplasty))
    rows = tuple(
        (
            name,
            in_words("iort_reason", reason.code),
            _WEIGHTS[reason.weight],
            _rules(reason.evidence),
            cited(reason.evidence),
        )
        for name, eligibility in procedures
        for reason in eligibility.reasons
    )
    columns = ("procedure", "reason", "weight", "what the rule says", "rests on")
    widths = (1.3, 2.3, 0.8, 3.8, 1.0)
    return Table("Reasons", columns, rows, widths, small=True, empty="No reason against either procedure.")


def prognosis_facts(advice: Advice) -> tuple[Fact, ...]:
    """Return the prognostic scores and what follows from survival."""
    return (
        score_fact("Tokuhashi (revised)", advice.tokuhashi_revised),
        score_fact("Tomita", advice.tomita),
        score_fact("Bauer (modified)", advice.bauer_modified),
        answer_fact(
            "Survival and surgery",
            "survival_surgery_rule",
            advice.survival_surgery_rule,
            because("survival is unknown"),
        ),
        answer_fact(
            "Goals of care", "goals_of_care", advice.goals_of_care, because("survival is unknown, or no rule applies")
        ),
    )


def score_fact(name: str, score: Score) -> Fact:
    """Return a prognostic score with its parts, or why it has no total."""
    items = ", ".join(f"{spoken(part)} {_number(points)}" for part, points in (score.items or {}).items())
    note = _note(items or "does not apply", score.basis)
    if score.total is not None:
        return Fact(name, f"{score.total}: {in_words('meaning', score.meaning, 'no band')}", note)
    reachable = f"; {score.reachable[0]} to {score.reachable[1]} possible" if score.reachable else ""
    return Fact(name, because(in_words("score_reason", score.reason, "an item is unknown")) + reachable, note)


def answer_fact(label: str, part: str, answer: Answer, missing: str) -> Fact:
    """Return one answer with what it rests on."""
    value = yes_or_no(answer.value) if isinstance(answer.value, bool) else in_words(part, answer.value, missing)
    return Fact(label, value, _note("", answer.basis))


def flag_table(advice: Advice, lesion: LesionAdvice) -> Table:
    """Return every flag and stop with what it rests on."""
    evidence: Mapping[str, tuple[str, ...]] = {**advice.flag_evidence, **lesion.noms.flag_evidence}
    flags = dict.fromkeys((*lesion.noms.flags, *advice.flags, *advice.prognosis_flags), "flag")
    part_of = flags | dict.fromkeys(lesion.noms.hard_stops, "hard_stop")
    listed_first = dict.fromkeys((*lesion.noms.hard_stops, *flags))
    rows = tuple((in_words(part_of[code], code), cited(evidence.get(code, ()))) for code in listed_first)
    return Table("Flags", ("flag", "rests on (by confidence)"), rows, (5.2, 3.7), small=True, empty="No flag.")


def lesion_table(advice: Advice) -> Table:
    """Return every lesion on its own line; they are never summed."""
    rows = tuple(
        (
            lesion.level,
            f"{sins_total(lesion.sins)} ({spoken(lesion.sins.category)})",
            known(lesion.escc.grade),
            in_words("noms", lesion.noms.recommendation, "no single recommendation"),
            lesion.iort_stabilisation.status,
            _how_urgent(lesion.urgency),
        )
        for lesion in advice.lesions
    )
    return Table(
        "Every lesion",
        ("level", "SINS", "ESCC", "NOMS", "stabilisation-IORT", "urgency"),
        rows,
        (0.7, 1.8, 0.7, 3.6, 1.6, 1.3),
        small=True,
        caption=f"Each level is assessed alone (SINS-04); {advice.leading.level} decides for the patient.",
    )


def note_table(notes: tuple[ReadingNote, ...]) -> Table:
    """Return what was changed or found odd while the case file was read."""
    rows = tuple((note.key, note.message, cited((note.evidence,) if note.evidence else ())) for note in notes)
    return Table("Notes on the case file", ("key", "note", "rests on"), rows, (1.6, 5.4, 1.9), small=True)


def _note(words: str, basis: Basis) -> str:
    missing = f"missing: {listed(basis.missing)}" if basis.missing else ""
    parts = [part.rstrip(". ") for part in (words, *basis.notes, missing) if part]
    return ". ".join([*parts, f"[{cited(basis.evidence)}]"])


def _rules(identifiers: tuple[str, ...]) -> str:
    known_entries = entries()
    statements = [known_entries[name].statement for name in identifiers if name in known_entries]
    return " ".join(statements) or UNKNOWN


def _number(value: int | None) -> str:
    return UNKNOWN if value is None else str(value)


def _hours(hours: float | None) -> str:
    return "no stated time" if hours is None else "0 h: now" if hours == 0 else quantity(hours, "h", 0)
