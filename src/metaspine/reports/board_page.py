"""Two pages for the tumour board: what to do, in which order, and between which options; then why, and what is open."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

from metaspine.assessment.wording import hours_in_words
from metaspine.patient.board import Board, BoardLesion
from metaspine.patient.case import Case
from metaspine.patient.pathway import WEIGHT, Advisory
from metaspine.patient.policy import Followed
from metaspine.patient.scoring import Scored, says_something
from metaspine.reports.assessment_page import first_numbers, note_table
from metaspine.reports.blocks import Block, Notice, Page, Remark, Remarks, Table
from metaspine.reports.citations import cited
from metaspine.reports.clinical_words import each_in_words, in_words
from metaspine.reports.wording import UNKNOWN, known, listed, sentence, yes_or_no

LETTERS_AROUND, LETTERS_OF_A_ROW, LETTERS_OF_A_LESION = 3600, 60, 900
"""How much two pages hold around the decision, in letters: less for every further lesion and every conflict."""
IN_THE_HEAD = ("kps", "ecog", "ais", "frankel")
"""Grades that stand in the line under the title."""


def board_pages(case: Case, board: Board) -> tuple[Page, ...]:
    """Return the pages of the board: the decision, then its grounds."""
    return _decision_page(case, board), _grounds_page(board)


def _decision_page(case: Case, board: Board) -> Page:
    leading = board.lesions[0]
    blocks: list[Block] = [first_numbers(leading.advice), Notice("note", "In short", board.summary)]
    blocks += [_stop(code, leading) for code in leading.advice.noms.hard_stops]
    blocks.append(steps_table(board))
    for lesion in board.lesions:
        blocks += [options_table(lesion), *_remarks(lesion)]
    if board.avoid:
        blocks.append(avoid_table(board))
    blocks.append(missing_notice(board))
    return Page("", tuple(blocks), standfirst=_who(case))


def _grounds_page(board: Board) -> Page:
    blocks: list[Block] = [around_table(board)]
    if board.disagreements:
        blocks.append(disagreement_table(board))
    blocks += [_statements("If nothing is done", board.untreated), scores_table(board)]
    if board.advice.notes:
        blocks.append(note_table(board.advice.notes))
    return Page("", tuple(blocks), follows=True)


def _who(case: Case) -> str:
    """Return in a line who the board speaks of, as far as the case file says; it holds no name."""
    patient, oncology, neuro = case.patient, case.oncology, case.neuro
    age = "age unknown" if patient.age_years is None else f"{patient.age_years:g} years"
    survival = patient.expected_survival_months
    return " · ".join(
        (
            f"{age}, {known(patient.sex, 'sex unknown')}",
            f"KPS {_number(patient.kps)}, ECOG {_number(patient.ecog)}",
            f"ASIA {known(neuro.asia)}, Frankel {known(neuro.frankel)}",
            f"histology confirmed: {yes_or_no(oncology.histology_confirmed)}",
            f"expected survival {UNKNOWN if survival is None else f'{survival:g} months'}",
        )
    )


def _number(value: int | None) -> str:
    return UNKNOWN if value is None else str(value)


def _stop(code: str, lesion: BoardLesion) -> Notice:
    evidence = lesion.advice.noms.flag_evidence[code]
    return Notice("stop", "Stop.", sentence(in_words("hard_stop", code)), cited(evidence))


def steps_table(board: Board) -> Table:
    """Return what to do, soonest first."""
    rows = tuple(
        (_when(step.within_h), step.says, step.level or "patient", cited(step.evidence)) for step in board.steps
    )
    return Table(
        "In this order",
        ("when", "what", "for", "rests on"),
        rows,
        (1.1, 5.4, 0.9, 1.9),
        empty="Nothing is asked for by what is known.",
        small=True,
    )


def _when(within_h: int | None) -> str:
    return "no stated time" if within_h is None else hours_in_words(within_h)


def options_table(lesion: BoardLesion) -> Table:
    """Return the options for a lesion side by side, with why each stands where it does."""
    rows = tuple(
        (
            in_words("standing", option.standing),
            option.says,
            _why(option.because, option.replaces),
            cited(option.evidence),
        )
        for option in lesion.options
    )
    return Table(
        f"{lesion.advice.level}: the options",
        ("", "option", "because", "rests on"),
        rows,
        (0.9, 2.5, 4.4, 1.5),
        small=True,
        caption=lesion.summary,
    )


def _why(because: tuple[str, ...], replaces: str) -> str:
    reasons = "; ".join(because)
    return f"{reasons}{'. ' if reasons else ''}Would replace {replaces}." if replaces else reasons


def _remarks(lesion: BoardLesion) -> list[Block]:
    said = tuple(Remark(one.statement, cited(one.basis.evidence)) for one in lesion.remarks)
    return [Remarks(f"{lesion.advice.level} among the other lesions", said)] if said else []


def avoid_table(board: Board) -> Table:
    """Return what must not be done."""
    return _statements("Not to do", board.avoid)


def scores_table(board: Board) -> Table:
    """Return the prognostic and frailty scores of which something is known, with what is still open in each."""
    asked = [score for score in board.scores.values() if score.name not in IN_THE_HEAD]
    spoken = [score for score in asked if says_something(score)]
    silent = sum(score.state == "partial" and score not in spoken for score in asked)
    return Table(
        "Scores (never decide by one alone)",
        ("score", "total", "what it says", "rests on"),
        tuple(score_row(score) for score in spoken),
        (1.9, 0.6, 5.2, 1.8),
        small=True,
        caption=f"Nothing is known yet for {silent} further scores: `metaspine scores`." if silent else "",
        empty="No score can be given by what is known.",
    )


def score_row(score: Scored) -> tuple[str, ...]:
    """Return a score as a row: name, total or range, what it says with its warnings and what is open, its ground."""
    total = "-" if score.reachable is None else " to ".join(f"{number:g}" for number in score.reachable)
    if score.total is not None:
        total = f"{score.total:g}"
    meanings = (score.meaning,) if score.meaning else score.meanings
    open_still = "still possible: " if len(meanings) > 1 else ""
    means = open_still + each_in_words("score_meaning", meanings, score.because or "no band")
    survival = f"Published survival: {score.survival}." if score.survival else ""
    told_by = listed([in_words("key", item.key) for item in score.narrowing[:3]], "")
    most = f"Most told by {told_by}." if told_by else ""
    said = " ".join(part for part in (sentence(means), survival, *score.warnings, most) if part)
    return in_words("score", score.name), total, said, cited(score.basis.evidence)


def disagreement_table(board: Board) -> Table:
    """Return where the sources disagree: every side, an arrow at the one that is followed, and why."""
    rows = tuple(_disagreement(found) for found in board.disagreements)
    return Table(
        "Where the sources disagree",
        ("question", "sides (→ followed)", "why"),
        rows,
        (2.1, 4.0, 3.3),
        small=True,
        caption=f"Policy: {board.policy.in_words}. `metaspine policy` prints what a centre can choose.",
    )


def _disagreement(found: Followed) -> tuple[str, ...]:
    conflict = found.conflict
    sides = " / ".join(
        f"{'→ ' if key == found.side else ''}{', '.join(side.references)}: {side.statement}"
        for key, side in conflict.sides.items()
    )
    return conflict.question, sides, "chosen by the policy" if found.chosen_by_centre else conflict.why


def around_table(board: Board) -> Table:
    """Return what stands around the decision, the weightiest first, as far as two pages hold; the rest is counted."""
    ordered = board.around
    lengths = accumulate(len(_told(one)) + LETTERS_OF_A_ROW for one in ordered)
    most = LETTERS_AROUND - LETTERS_OF_A_LESION * (len(board.lesions) - 1) - sum(map(_letters, board.disagreements))
    shown = [one for one, length in zip(ordered, lengths, strict=True) if length <= most or one.strength in WEIGHT[:3]]
    further = len(ordered) - len(shown)
    caption = f"{further} further statements, possible or good to know: `metaspine assess`." if further else ""
    return _statements("Around the decision", shown, caption)


def _letters(found: Followed) -> int:
    return len(found.conflict.question) + sum(len(side.statement) for side in found.conflict.sides.values())


def _statements(title: str, said: Iterable[Advisory], caption: str = "") -> Table:
    rows = tuple(
        (in_words("strength", one.strength), in_words("topic", one.topic), _told(one), cited(one.basis.evidence))
        for one in said
    )
    columns, widths = ("", "about", "what the sources say", "rests on"), (0.7, 1.3, 5.6, 1.5)
    empty = "Nothing is said of it for what is known."
    return Table(title, columns, rows, widths, small=True, caption=caption, empty=empty)


def _told(one: Advisory) -> str:
    return " ".join((one.statement, *(f"{note}." for note in one.basis.notes)))


def missing_notice(board: Board) -> Notice:
    """Return what is not known and could change an answer, what most answers ask for first."""
    if not board.missing:
        return Notice("note", "Everything that the decision asks for is known.", "")
    several = len(board.lesions) > 1
    named = [
        f"{in_words('key', key)} ({', '.join(levels)})"
        if several and key.startswith("lesion.")
        else in_words("key", key)
        for key, levels in board.missing.items()
    ]
    return Notice("caution", "Not known, and could change the above:", f"{listed(named)}.")
