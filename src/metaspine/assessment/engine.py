"""From a case to its advice: each lesion alone, then the patient."""

from __future__ import annotations

from metaspine.assessment.escc import escc, grade_rank
from metaspine.assessment.facts import lesion_facts, patient_facts
from metaspine.assessment.iort import eligibility
from metaspine.assessment.noms import noms, row_facts
from metaspine.assessment.postoperative import postoperative_sbrt
from metaspine.assessment.prognosis import flags, targetable_alteration
from metaspine.assessment.radiosensitivity import radiosensitivity, resistant_primary
from metaspine.assessment.reirradiation import reirradiation
from metaspine.assessment.rules import Facts
from metaspine.assessment.scores import bauer_modified, tokuhashi_revised, tomita
from metaspine.assessment.sins import mechanical_urgency, sins, sins_facts
from metaspine.assessment.urgency import answer, steroids, urgency, urgency_rank
from metaspine.patient.advice import Advice, LesionAdvice
from metaspine.patient.case import Case, LesionFacts, PriorRadiotherapy
from metaspine.patient.policy import DEFAULT_POLICY, BoardPolicy


def assess(case: Case, policy: BoardPolicy = DEFAULT_POLICY) -> Advice:
    """Return the advice for a case; every case ends in a recommendation, alternatives or a reason why not.

    Pure: the same case and policy give the same advice. Where sources conflict the policy says which side is followed;
    without one it is section G's. The rules and their order are section G of the clinical rules; each part
    names the evidence it rests on and the facts that are missing.
    """
    facts = patient_facts(case, policy)
    facts["targetable_alteration"] = targetable_alteration(case.oncology.subtype)
    lesions = tuple(_lesion_advice(case, lesion, facts) for lesion in case.lesions)
    warnings, prognosis = flags("flags", facts), flags("prognosis_flags", facts)
    return Advice(
        lesions=lesions,
        worst=max(range(len(lesions)), key=lambda place: (severity(lesions[place]), -place)),
        listed=case.listed,
        tokuhashi_revised=tokuhashi_revised(facts),
        tomita=tomita(facts),
        bauer_modified=bauer_modified(facts),
        survival_surgery_rule=answer("treatment", "survival_surgery_rule", facts),
        goals_of_care=answer("treatment", "goals_of_care", facts),
        prognosis_flags=tuple(prognosis),
        flags=tuple(warnings),
        flag_evidence={**warnings, **prognosis},
        notes=case.notes,
        policy=policy,
    )


def _lesion_advice(case: Case, lesion: LesionFacts, of_patient: Facts) -> LesionAdvice:
    score, grade = sins(lesion), escc(lesion)
    facts = {**lesion_facts(lesion, of_patient), **sins_facts(score)}
    sensitivity = radiosensitivity(facts)
    facts |= {"effective": sensitivity.effective, "radioresistant_primary": resistant_primary(facts)}
    decision = noms(facts)
    facts |= row_facts(decision)
    prior = lesion.prior_rt_at_level
    return LesionAdvice(
        level=lesion.level,
        sins=score,
        escc=grade,
        radiosensitivity=sensitivity,
        noms=decision,
        urgency=urgency(facts),
        mechanical_urgency=mechanical_urgency(score, facts),
        steroids=steroids(facts),
        iort_stabilisation=eligibility("stabilisation", facts),
        iort_kyphoplasty=eligibility("kyphoplasty", facts),
        ebrt_schedule=answer("treatment", "ebrt_schedule", facts),
        preop_embolisation=answer("treatment", "preop_embolisation", facts),
        en_bloc_criteria_met=answer("treatment", "en_bloc_criteria_met", facts),
        reirradiation=reirradiation(prior) if isinstance(prior, PriorRadiotherapy) else None,
        postop_sbrt=None if case.postop is None else postoperative_sbrt(case.postop, facts),
    )


def severity(advice: LesionAdvice) -> tuple[int, int, int]:
    """Return what orders lesions: urgency, then ESCC, then the upper bound of SINS (G1-17)."""
    return (
        urgency_rank(advice.urgency.urgency_class),
        grade_rank(advice.escc.grade),
        advice.sins.range[1],
    )
