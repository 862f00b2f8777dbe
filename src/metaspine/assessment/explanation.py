"""The board's page as plain values: what stands below ``explanation`` in the JSON of an assessment."""

from __future__ import annotations

from typing import Any

from metaspine.assessment.conflicts import conflict_documents, policy_document
from metaspine.assessment.document import advice_document, plain
from metaspine.patient.board import Board, BoardLesion

_OF_THE_BOARD = ("summary", "steps", "avoid", "together", "untreated", "missing")


def board_document(board: Board) -> dict[str, Any]:
    """Return the advice with its explanation: table G3, and below ``explanation`` everything that is beside it.

    ``explanation`` holds the scores, the pathway, the board's page, the conflicts with the sides followed and the
    policy; of each lesion, in its own ``explanation`` where the case lists lesions, and of the leading one on top.
    """
    document = advice_document(board.advice)
    by_level = {lesion.advice.level: lesion for lesion in board.lesions}
    leading = by_level[board.advice.leading.level]
    document["explanation"] |= {
        "board": {name: plain(getattr(board, name)) for name in _OF_THE_BOARD}
        | {"order": [lesion.advice.level for lesion in board.lesions]},
        "policy": policy_document(board.policy),
        "conflicts": conflict_documents(board.disagreements),
        "scores": plain(board.scores) | plain(leading.scores),
        "pathway": {"patient": plain(board.pathway.of_patient), "lesion": plain(leading.pathway)},
        **_of_lesion(leading),
    }
    for entry in document.get("lesions", ()):
        lesion = by_level[entry["level"]]
        entry["explanation"] |= _of_lesion(lesion) | {
            "scores": plain(lesion.scores),
            "pathway": {"lesion": plain(lesion.pathway)},
        }
    return document


def _of_lesion(lesion: BoardLesion) -> dict[str, Any]:
    return {
        "summary": lesion.summary,
        "options": plain(lesion.options),
        "among_lesions": plain(lesion.remarks),
    }
