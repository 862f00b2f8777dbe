"""What was answered for a lesion, as facts for the rules that come after: the pathway around the decision."""

from __future__ import annotations

from typing import Any

from metaspine.assessment.facts import lesion_facts, patient_facts
from metaspine.assessment.noms import row_facts
from metaspine.assessment.prognosis import targetable_alteration
from metaspine.assessment.radiosensitivity import resistant_primary
from metaspine.assessment.sins import sins_facts
from metaspine.patient.advice import Advice, LesionAdvice
from metaspine.patient.case import Case, LesionFacts
from metaspine.patient.policy import BoardPolicy


def answered_facts(
    case: Case, lesion: LesionFacts, advice: Advice, of_lesion: LesionAdvice, policy: BoardPolicy | None = None
) -> dict[str, Any]:
    """Return the facts of a lesion together with everything that was decided for it and for its patient.

    The policy is the one that the advice was given under, unless another is named. A decision has the name of its key
    in table G3 (``ebrt_schedule``, ``steroids``); IORT is a status and a role.
    """
    facts = lesion_facts(lesion, patient_facts(case, policy or advice.policy))
    facts["targetable_alteration"] = targetable_alteration(case.oncology.subtype)
    facts |= {**sins_facts(of_lesion.sins), "radioresistant_primary": resistant_primary(facts)}
    facts |= {**row_facts(of_lesion.noms), **_answers(of_lesion), **_answers(advice)}
    return facts | {
        "effective": of_lesion.radiosensitivity.effective,
        "acceptable": of_lesion.noms.acceptable,
        "flags": of_lesion.noms.flags,
        "surgical_capacity": of_lesion.noms.surgical_capacity,
        "urgency_class": of_lesion.urgency.urgency_class,
        "treatment_within_h": of_lesion.urgency.treatment_within_h,
        "iort_stabilisation": of_lesion.iort_stabilisation.status,
        "iort_stabilisation_role": of_lesion.iort_stabilisation.role,
        "iort_kyphoplasty": of_lesion.iort_kyphoplasty.status,
        "iort_kyphoplasty_role": of_lesion.iort_kyphoplasty.role,
        "sbrt_candidate": None if of_lesion.postop_sbrt is None else of_lesion.postop_sbrt.candidate,
        "lesions_in_the_case": len(case.lesions),
    }


def _answers(advice: Advice | LesionAdvice) -> dict[str, Any]:
    return {name: part.value for name, part in vars(advice).items() if hasattr(part, "value")}
