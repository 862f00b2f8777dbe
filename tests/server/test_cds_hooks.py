"""The CDS Hooks service, by requests and cards written after the CDS Hooks 2.0 specification."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from metaspine.assessment import assess
from metaspine.exchange.case_file import case_from_document
from metaspine.exchange.fhir_models import Order
from metaspine.patient.advice import DISCLAIMER
from metaspine.patient.policy import DEFAULT_POLICY, BoardPolicy
from metaspine.server import app as application
from metaspine.server.app import create_app, served_app
from metaspine.server.cards import Call, cards_of_advice
from metaspine.server.orders import cards_of_order

BUNDLE = json.loads((Path(__file__).parent.parent.parent / "examples" / "fhir" / "bundle.json").read_text("utf-8"))
FACT, WORD, SNOMED = "urn:metaspine:fact", "urn:metaspine:word", "http://snomed.info/sct"
VIEW, SELECT = "/cds-services/metaspine-patient-view", "/cds-services/metaspine-order-select"
INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(create_app()) as found:
        yield found


@pytest.fixture(autouse=True)
def on_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1772442000")  # 2026-03-02


def concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def fact(key: str, value: dict[str, Any]) -> dict[str, Any]:
    code = concept(FACT, key)
    at = {"bodySite": concept(SNOMED, "48405002")} if key.startswith("lesion.") else {}
    return {"resourceType": "Observation", "id": key.replace("_", "-"), "status": "final", "code": code, **at, **value}


def word(text: str) -> dict[str, Any]:
    return {"valueCodeableConcept": concept(WORD, text)}


MYELOPATHY = fact("neuro.myelopathy", {"valueBoolean": True})


def searchset(kind: str, *more: dict[str, Any], without: tuple[str, ...] = ()) -> dict[str, Any]:
    known = [entry["resource"] for entry in BUNDLE["entry"] if entry["resource"]["resourceType"] == kind]
    found = [one for one in known if one["id"] not in without]
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in (*found, *more)]}


def prefetch(*more: dict[str, Any], without: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "patient": BUNDLE["entry"][0]["resource"],
        "conditions": searchset("Condition", without=without),
        "observations": searchset("Observation", *more, without=without),
        "procedures": searchset("Procedure", without=without),
    }


def view(data: dict[str, Any] | None) -> dict[str, Any]:
    request = {
        "hook": "patient-view",
        "hookInstance": INSTANCE,
        "fhirServer": "https://hospital.example/fhir",
        "context": {"userId": "Practitioner/example", "patientId": "p1", "encounterId": "89284"},
    }
    return request if data is None else {**request, "prefetch": data}


def select(data: dict[str, Any], *orders: dict[str, Any]) -> dict[str, Any]:
    draft = {"resourceType": "Bundle", "entry": [{"resource": order} for order in orders]}
    names = [f"{order['resourceType']}/{order['id']}" for order in orders]
    request = view(data)
    context = {**request["context"], "selections": names, "draftOrders": draft}
    return {**request, "hook": "order-select", "context": context}


def service(code: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "ServiceRequest", "id": "s1", "status": "draft", "intent": "order", "code": code}


def medicine(**code: Any) -> dict[str, Any]:
    order = {"resourceType": "MedicationRequest", "id": "m1", "status": "draft", "intent": "order"}
    return {**order, "medicationCodeableConcept": code}


def cards(client: TestClient, path: str, request: dict[str, Any]) -> list[dict[str, Any]]:
    answer = client.post(path, json=request)
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"cards"}
    found: list[dict[str, Any]] = answer.json()["cards"]
    for one in found:
        judge(one)
    assert len({one["uuid"] for one in found}) == len(found)
    return found


def judge(card: dict[str, Any]) -> None:
    """The attributes of a card, as the specification lists them."""
    assert set(card) <= {"uuid", "summary", "detail", "indicator", "source", "overrideReasons"}
    UUID(card["uuid"])
    assert 0 < len(card["summary"]) < 140
    assert card["indicator"] in ("info", "warning", "critical")
    assert card["source"]["label"]
    assert DISCLAIMER in card["detail"]
    for reason in card.get("overrideReasons", []):
        assert reason["code"]
        assert reason["system"]
        assert reason["display"]


def test_discovery(client: TestClient) -> None:
    services = client.get("/cds-services").json()["services"]
    assert [(one["id"], one["hook"]) for one in services] == [
        ("metaspine-patient-view", "patient-view"),
        ("metaspine-order-select", "order-select"),
    ]
    for one in services:
        assert one["title"]
        assert one["description"]
        assert one["prefetch"] == {
            "patient": "Patient/{{context.patientId}}",
            "conditions": "Condition?patient={{context.patientId}}",
            "observations": "Observation?patient={{context.patientId}}",
            "procedures": "Procedure?patient={{context.patientId}}",
        }


def test_cord_signs_are_a_critical_card_with_both_windows(client: TestClient) -> None:
    found = cards(client, VIEW, view(prefetch(MYELOPATHY)))
    assert found[0]["indicator"] == "critical"
    assert found[0]["summary"] == "T10: EMERGENCY: MRI at once; treatment within 24 h."
    assert found[0]["overrideReasons"]
    assert "URG-" in found[0]["detail"]
    assert len([one for one in found if one["indicator"] == "critical"]) == 1


def test_a_coded_compression_without_findings_is_critical(client: TestClient) -> None:
    first = cards(client, VIEW, view(prefetch()))[0]
    assert first["indicator"] == "critical"
    assert first["summary"] == "A compression of the cord or cauda equina is coded without findings: examine at once."
    assert "treatment within 24 h" in first["detail"]
    rest = cards(client, VIEW, view(prefetch(without=("compression",))))
    assert "critical" not in [one["indicator"] for one in rest]
    rest = cards(client, VIEW, view(prefetch(fact("neuro.presentation", word("local_pain")))))
    assert "critical" not in [one["indicator"] for one in rest]


def test_high_grade_compression_without_signs_is_urgent(client: TestClient) -> None:
    found = cards(client, VIEW, view(prefetch(without=("compression",))))
    assert (found[0]["indicator"], found[0]["summary"]) == ("warning", "T10: urgent: treatment within 72 h.")


def test_an_unstable_spine_is_a_warning(client: TestClient) -> None:
    """RULES A1: T10 1, mechanical 3, lytic 2, translation 4, collapse 3, bilateral 3: 16, unstable."""
    found = cards(client, VIEW, view(prefetch(without=("compression",))))
    assert not any("spinal precautions" in one["summary"] for one in found)
    sins = copy.deepcopy(next(one["resource"] for one in BUNDLE["entry"] if one["resource"]["id"] == "sins"))
    sins["component"][2]["valueCodeableConcept"] = concept(WORD, "subluxation_translation")
    found = cards(client, VIEW, view(prefetch(sins, without=("compression", "sins"))))
    unstable = [one for one in found if "spinal precautions" in one["summary"]]
    assert [one["indicator"] for one in unstable] == ["warning"]
    assert "SINS 16: unstable" in unstable[0]["detail"]


def test_a_hard_stop_is_a_warning(client: TestClient) -> None:
    pregnant = fact("patient.pregnant", {"valueBoolean": True})
    found = cards(client, VIEW, view(prefetch(pregnant)))
    assert any(one["summary"].startswith("T10: pregnant") and one["indicator"] == "warning" for one in found)


def test_the_recommendation_and_what_is_missing_are_information(client: TestClient) -> None:
    last = cards(client, VIEW, view(prefetch()))[-1]
    assert (last["indicator"], "overrideReasons" in last) == ("info", False)
    assert last["summary"] == "T10: separation surgery, then stereotactic radiosurgery."
    assert "fitness for open surgery" in last["detail"]
    assert "Observation/calcium: not used (loinc|17861-6)" in last["detail"]
    assert "NOMS-07" in last["detail"]


def test_without_the_grade_it_says_what_is_missing(client: TestClient) -> None:
    last = cards(client, VIEW, view(prefetch(without=("escc", "compression"))))[-1]
    assert "ESCC" in last["summary"]


def test_a_patient_without_a_spinal_lesion_gets_no_card(client: TestClient) -> None:
    gone = ("metastasis", "compression", "escc", "sins", "radiotherapy")
    assert cards(client, VIEW, view(prefetch(without=gone))) == []
    assert cards(client, VIEW, view(dict.fromkeys(("patient", "conditions", "observations", "procedures")))) == []


def test_a_full_record_does_not_drown_the_card(client: TestClient) -> None:
    other = {"resourceType": "Observation", "status": "final", "code": concept("http://loinc.org", "8302-2")}
    data = prefetch(*({**other, "id": f"h{number}", "valueInteger": number} for number in range(300)))
    last = cards(client, VIEW, view(data))[-1]
    assert "300 resources without anything that a case asks for" in last["detail"]
    assert len(last["detail"]) < 5000


def test_a_metastasis_without_a_level_asks_for_it(client: TestClient) -> None:
    data = prefetch(without=("metastasis", "compression", "escc", "sins", "radiotherapy"))
    lesion = {"resourceType": "Condition", "id": "x", "code": concept("http://hl7.org/fhir/sid/icd-10-cm", "C79.51")}
    data["conditions"]["entry"].append({"resource": lesion})
    (found,) = cards(client, VIEW, view(data))
    assert found["indicator"] == "info"
    assert "state the level" in found["summary"]


def test_a_record_that_contradicts_itself_is_a_warning(client: TestClient) -> None:
    data = prefetch(fact("patient.pregnant", {"valueBoolean": True}))
    data["patient"] = {**data["patient"], "gender": "male"}
    (found,) = cards(client, VIEW, view(data))
    assert found["indicator"] == "warning"
    assert "pregnant" in found["summary"]


def test_the_same_call_gives_the_same_cards(client: TestClient) -> None:
    request = view(prefetch(MYELOPATHY))
    assert cards(client, VIEW, request) == cards(client, VIEW, request)
    other = {**request, "hookInstance": "e1577c69-dfbe-44ad-ba6d-3e05e953b2ea"}
    assert cards(client, VIEW, request)[0]["uuid"] != cards(client, VIEW, other)[0]["uuid"]


DEXAMETHASONE = medicine(coding=[{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "3264"}])
UNPROVEN = fact("oncology.histology_confirmed", {"valueBoolean": False})
PHOTONS = service(concept(SNOMED, "1156506007"))
WITHIN = service(concept(SNOMED, "168524008"))


@pytest.mark.parametrize("order", [DEXAMETHASONE, medicine(text="Dexamethasone 4 mg tablets")])
def test_dexamethasone_where_tissue_comes_first(client: TestClient, order: dict[str, Any]) -> None:
    """STER-03 and G1.10: unproven without cord signs, defer; the pathologist's report is withdrawn here."""
    data = prefetch(UNPROVEN, without=("primary", "compression"))
    (found,) = cards(client, SELECT, select(data, order))
    assert found["indicator"] == "warning"
    assert found["summary"] == "T10: dexamethasone is ordered; the advice: defer until tissue is taken."


def test_dexamethasone_where_it_is_advised_gets_no_card(client: TestClient) -> None:
    assert cards(client, SELECT, select(prefetch(MYELOPATHY), DEXAMETHASONE)) == []


def test_steroids_are_the_patients() -> None:
    """A cord compressed at T4 and a painless L3: no word of omitting steroids, also where an order names L3."""
    document = {
        "oncology": {"primary": "breast", "histology_confirmed": True},
        "lesions": [
            {"level": "L3", "escc": "0", "pain": "none"},
            {"level": "T4", "escc": "3", "pain": "none"},
        ],
        "neuro": {"presentation": "clinical_cord_compression", "myelopathy": True},
    }
    advice = assess(case_from_document(document))
    assert advice.leading.level == "T4"
    assert advice.of_level("L3").steroids.value != advice.leading.steroids.value
    found = list(cards_of_advice(Call(UUID(INSTANCE)), advice, []))
    told = [one for one in found if "Steroids:" in one.detail]
    assert told
    assert all(one.summary.startswith("T4") for one in told)
    order = Order.model_validate({**DEXAMETHASONE, "bodySite": [concept(SNOMED, "36470004")]})
    assert list(cards_of_order(Call(UUID(INSTANCE)), order, advice)) == []


def test_a_centres_policy_is_followed_and_named() -> None:
    policy = BoardPolicy("Here", {"CONFLICT-STEROIDS": "give"}, version="3")
    data = prefetch(UNPROVEN, MYELOPATHY, without=("primary", "compression"))
    with TestClient(create_app(policy)) as there, TestClient(create_app()) as default:
        ours, plain = cards(there, VIEW, view(data)), cards(default, VIEW, view(data))
        said = there.post("/assess", json=BUNDLE).json()
    line = "- Policy: Here, version 3: departs from the default in 1 of"
    assert all(line in one["detail"] for one in ours)
    assert not any("Policy:" in one["detail"] for one in plain)
    assert {one["uuid"] for one in ours}.isdisjoint(one["uuid"] for one in plain)
    steroids = [next(line for line in some[0]["detail"].split("\n") if "Steroids" in line) for some in (ours, plain)]
    assert steroids[0] != steroids[1]
    assert "Here" in json.dumps(said["explanation"])


def test_the_served_application_reads_its_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("centre: Here\nchoices: {CONFLICT-STEROIDS: give}\n")
    monkeypatch.setenv("METASPINE_POLICY", str(file))
    assert served_app().state.policy.side("CONFLICT-STEROIDS") == "give"
    monkeypatch.delenv("METASPINE_POLICY")
    assert served_app().state.policy == DEFAULT_POLICY


def test_another_medicine_gets_no_card(client: TestClient) -> None:
    data = prefetch(UNPROVEN, without=("primary", "compression"))
    assert cards(client, SELECT, select(data, medicine(text="Paracetamol"))) == []


def test_radiotherapy_where_surgery_comes_first(client: TestClient) -> None:
    data = prefetch(fact("patient.tolerates_open_surgery", {"valueBoolean": True}))
    (found,) = cards(client, SELECT, select(data, PHOTONS))
    assert found["indicator"] == "warning"
    assert found["summary"].startswith("T10: external-beam radiotherapy is ordered; the advice: separation surgery")


def test_conventional_radiotherapy_of_an_unstable_spine(client: TestClient) -> None:
    """NOMS-02: low grade, sensitive, unstable: stabilise first."""
    breast = {"resourceType": "Condition", "id": "b", "code": concept("http://hl7.org/fhir/sid/icd-10-cm", "C50.911")}
    sins = copy.deepcopy(next(one["resource"] for one in BUNDLE["entry"] if one["resource"]["id"] == "sins"))
    sins["component"][2]["valueCodeableConcept"] = concept(WORD, "subluxation_translation")
    confirmed, none = {"valueBoolean": True}, {"valueBoolean": False}
    low = fact("lesion.escc", word("1a"))
    more = (sins, low, fact("oncology.histology_confirmed", confirmed), fact("lesion.prior_rt_at_level", none))
    data = prefetch(*more, without=("primary", "compression", "escc", "sins", "radiotherapy"))
    data["conditions"]["entry"].append({"resource": breast})
    order = service(concept("urn:metaspine:noms", "CEBRT"))
    (found,) = cards(client, SELECT, select(data, order))
    assert "the advice: stabilisation, then conventional radiotherapy" in found["summary"]
    assert cards(client, SELECT, select(data, service(concept("urn:metaspine:noms", "STAB_THEN_CEBRT")))) == []


def test_intraoperative_radiotherapy_of_a_patient_who_is_not_eligible(client: TestClient) -> None:
    assert cards(client, SELECT, select(prefetch(without=("radiotherapy",)), WITHIN)) == []
    (found,) = cards(client, SELECT, select(prefetch(fact("patient.pregnant", {"valueBoolean": True})), WITHIN))
    assert "NOT eligible" in found["summary"]
    assert "the patient is pregnant" in found["detail"]


def lesion_at_l1(**facts: str) -> list[dict[str, Any]]:
    """A second lesion: facts at L1 (SNOMED CT 61032001)."""
    found = [fact(f"lesion.{key}", word(value)) for key, value in facts.items()]
    return [{**one, "id": f"{one['id']}-l1", "bodySite": concept(SNOMED, "61032001")} for one in found]


STABLE = {
    "escc": "1a",
    "pain": "none",
    "bone_lesion": "blastic",
    "alignment": "normal",
    "collapse": "none",
    "posterolateral": "none",
}


def test_each_lesion_has_its_card_and_the_worse_is_first(client: TestClient) -> None:
    found = cards(client, VIEW, view(prefetch(*lesion_at_l1(**STABLE), without=("compression",))))
    told = [one["summary"].partition(":")[0] for one in found if one["indicator"] == "info"]
    assert told == ["T10", "L1"]


def test_an_order_is_held_against_the_lesion_that_it_names(client: TestClient) -> None:
    """NOMS-03: non-small-cell, low grade, stable: radiosurgery alone; T10 needs surgery first."""
    data = prefetch(*lesion_at_l1(**STABLE), without=("compression",))
    at = {"bodySite": [concept(SNOMED, "61032001")]}
    assert cards(client, SELECT, select(data, {**PHOTONS, **at})) == []
    assert len(cards(client, SELECT, select(data, PHOTONS))) == 1


def test_an_alternative_is_not_warned_of(client: TestClient) -> None:
    """NOMS-16: resistant, low grade, stability not known: with and without stabilisation stay acceptable."""
    data = prefetch(fact("lesion.escc", word("1a")), without=("sins", "escc", "compression"))
    for code, warned in (("SRS", 0), ("STAB_THEN_SRS", 0), ("CEBRT", 1), ("SEP_SURG_THEN_SRS", 1), ("NO_SUCH_CODE", 1)):
        order = service(concept("urn:metaspine:noms", code))
        assert len(cards(client, SELECT, select(data, order))) == warned, code
    assert "no single recommendation" in cards(client, VIEW, view(data))[-1]["summary"]


def test_signs_that_the_level_does_not_explain_are_one_card(client: TestClient) -> None:
    """NOMS-19: a hard stop that is also a flag."""
    low = fact("lesion.escc", word("1a"))
    found = cards(client, VIEW, view(prefetch(low, MYELOPATHY, without=("escc", "compression"))))
    assert len([one for one in found if "does not explain" in one["summary"]]) == 1


def test_an_order_for_a_patient_without_a_lesion_gets_no_card(client: TestClient) -> None:
    data = prefetch(without=("metastasis", "escc", "sins", "radiotherapy"))
    assert cards(client, SELECT, select(data, DEXAMETHASONE)) == []
    assert len(cards(client, VIEW, view(data))) == 1


def test_a_long_sentence_is_cut_to_fit(client: TestClient) -> None:
    wrong = fact("patient.ecog", word("x" * 300))
    (found,) = cards(client, VIEW, view(prefetch(wrong)))
    assert len(found["summary"]) == 139 or found["summary"].endswith(".")
    assert "ecog" in found["detail"]


@pytest.mark.parametrize("name", ["ServiceRequest/s1", "s1"])
def test_selections_name_orders_with_or_without_their_type(client: TestClient, name: str) -> None:
    request = select(prefetch(), PHOTONS)
    request["context"]["selections"] = [name]
    assert len(cards(client, SELECT, request)) == 1


def test_only_the_selected_order_is_looked_at(client: TestClient) -> None:
    request = select(prefetch(), PHOTONS)
    request["context"]["selections"] = ["ServiceRequest/another"]
    assert cards(client, SELECT, request) == []


@pytest.mark.parametrize("key", ["patient", "conditions", "observations", "procedures"])
def test_a_missing_prefetch_is_412(client: TestClient, key: str) -> None:
    without = {name: value for name, value in prefetch().items() if name != key}
    failed = {**prefetch(), key: {"resourceType": "OperationOutcome", "issue": []}}
    paged = {**prefetch(), key: {**searchset("Condition"), "link": [{"relation": "next", "url": "x"}]}}
    for data in (without, failed, paged):
        answer = client.post(VIEW, json=view(data))
        assert answer.status_code == 412
        assert key in answer.json()["issue"][0]["diagnostics"]
    assert client.post(VIEW, json=view(None)).status_code == 412


def wounded(**fields: Any) -> dict[str, Any]:
    return {key: value for key, value in {**view(prefetch()), **fields}.items() if value is not None}


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (wounded(hook=None), "hook: Field required"),
        (wounded(hook="order-sign"), "This service answers patient-view"),
        (wounded(hookInstance=None), "hookInstance"),
        (wounded(hookInstance="x"), "hookInstance: Input should be a valid UUID"),
        (wounded(context=None), "context: Field required"),
        (wounded(context={"userId": "Practitioner/1"}), "context.patientId: Field required"),
        (wounded(context={"userId": "Practitioner/1", "patientId": "other"}), "not the one of the context"),
        (wounded(prefetch=[]), "prefetch"),
        ([], "request"),
    ],
)
def test_a_malformed_request_is_400(client: TestClient, request_: Any, message: str) -> None:
    answer = client.post(VIEW, json=request_)
    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert message in answer.json()["issue"][0]["diagnostics"]


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"selections": []}, "no selections or no draftOrders"),
        ({"selections": [], "draftOrders": {"resourceType": "List"}}, "the draft orders are malformed"),
        (
            {
                "selections": ["s1"],
                "draftOrders": {
                    "resourceType": "Bundle",
                    "entry": [{"resource": {"resourceType": "ServiceRequest", "id": "s1", "code": 3}}],
                },
            },
            "the draft orders are malformed",
        ),
    ],
)
def test_a_malformed_order_is_400(client: TestClient, context: dict[str, Any], message: str) -> None:
    request = view(prefetch())
    answer = client.post(SELECT, json={**request, "hook": "order-select", "context": {**request["context"], **context}})
    assert answer.status_code == 400
    assert message in answer.json()["issue"][0]["diagnostics"]


@pytest.mark.parametrize(
    ("content", "status", "message"),
    [
        (b"{", 400, "not well-formed JSON"),
        (b"\xff", 400, "no UTF-8 text"),
        (b'{"a": 1, "a": 2}', 400, "stands twice"),
        (b"[" * 100_000, 400, "nested without end"),
        (b" " * 20_000_001, 413, "more than 20000000 bytes"),
    ],
    ids=["cut", "bytes", "twice", "deep", "large"],
)
def test_a_body_that_is_no_record(client: TestClient, content: bytes, status: int, message: str) -> None:
    answer = client.post(VIEW, content=content)
    assert answer.status_code == status
    assert message in answer.json()["issue"][0]["diagnostics"]


def test_unknown_places(client: TestClient) -> None:
    answer = client.post("/cds-services/other", json=view(prefetch()))
    assert (answer.status_code, answer.json()["resourceType"]) == (404, "OperationOutcome")
    assert "metaspine-patient-view" in answer.json()["issue"][0]["diagnostics"]
    assert client.get("/elsewhere").status_code == 404
    assert client.get("/assess").status_code == 405


ACCEPTED = {
    "card": INSTANCE,
    "outcome": "accepted",
    "acceptedSuggestions": [{"id": "e56e1945-20b3-4393-8503-a1a20fd73152"}],
}
OVERRIDDEN = {
    "card": INSTANCE,
    "outcome": "overridden",
    "overrideReason": {
        "reason": {"code": "already-done", "system": "urn:metaspine:override"},
        "userComment": "Mrs Secret was operated on",
    },
}
WHEN = {"outcomeTimestamp": "2026-03-02T10:00:00Z"}


def test_feedback_is_counted_and_its_comment_not_kept(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    body = {"feedback": [{**ACCEPTED, **WHEN}, {**OVERRIDDEN, **WHEN}]}
    assert client.post(f"{VIEW}/feedback", json=body).status_code == 200
    assert "{'accepted': 1, 'overridden': 1}" in caplog.text
    assert "Secret" not in caplog.text


@pytest.mark.parametrize(
    ("one", "message"),
    [
        ({**ACCEPTED}, "outcomeTimestamp"),
        ({**ACCEPTED, **WHEN, "outcome": "ignored"}, "outcome"),
        ({"card": INSTANCE, "outcome": "accepted", **WHEN}, "accepted without acceptedSuggestions"),
    ],
)
def test_malformed_feedback_is_400(client: TestClient, one: dict[str, Any], message: str) -> None:
    answer = client.post(f"{VIEW}/feedback", json={"feedback": [one]})
    assert answer.status_code == 400
    assert message in answer.json()["issue"][0]["diagnostics"]


def test_what_is_not_eligible_is_so_by_what_excludes_not_by_what_is_unknown(client: TestClient) -> None:
    told = next(one for one in cards(client, VIEW, view(prefetch())) if "IORT with stabilisation" in one["detail"])
    (line,) = [line for line in told["detail"].splitlines() if "IORT with stabilisation" in line]
    assert line.startswith("- IORT with stabilisation: NOT eligible (after a previous irradiation the canal may get")
    assert "not recorded" not in line


def test_a_case_file_and_a_bundle_are_assessed(client: TestClient) -> None:
    case = {"oncology": {"primary": "breast"}, "lesion": {"level": "T8"}}
    answer = client.post("/assess", json=case)
    assert answer.status_code == 200
    assert answer.json()["noms"]["recommendation"] == "INSUFFICIENT_DATA"
    assert answer.json()["explanation"]["disclaimer"] == DISCLAIMER
    assert {"board", "scores", "pathway", "policy"} <= answer.json()["explanation"].keys()
    assert client.post("/assess", json=BUNDLE).json()["noms"]["recommendation"] == "SEP_SURG_THEN_SRS"


def test_a_bad_case_is_400(client: TestClient) -> None:
    answer = client.post("/assess", json={"oncology": {"primary": "brest"}, "lesion": {"level": "T8"}})
    assert answer.status_code == 400
    assert "breast" in answer.json()["issue"][0]["diagnostics"]


def test_no_patient_data_in_the_log(
    client: TestClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def defect(*_: Any) -> None:
        raise ValueError("Mrs Secret, born 1961-07-14")

    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(application, "answer", defect)
    answer = client.post(VIEW, json=view(prefetch(MYELOPATHY)))
    assert answer.status_code == 500
    assert "ValueError in defect" in caplog.text
    for secret in ("Secret", "1961", "p1"):
        assert secret not in caplog.text
        assert secret not in answer.text


def test_ordinary_calls_log_nothing_of_the_patient(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    cards(client, VIEW, view(prefetch(MYELOPATHY)))
    client.post(VIEW, json=wounded(context={"userId": "Practitioner/1", "patientId": "Secret"}))
    for secret in ("1961", "Secret", "T10"):
        assert secret not in caplog.text


JUNK = st.sampled_from([None, True, -1, 0.5, "", "x", [], [None], {}, {"coding": [{}]}, {"resourceType": "Bundle"}])


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return ([path] if path else []) + [place for key, part in pairs for place in places(part, (*path, key))]


WHOLE = select(prefetch(MYELOPATHY), PHOTONS, DEXAMETHASONE)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(places(WHOLE)), JUNK)
def test_a_mangled_request_is_answered_or_refused(client: TestClient, path: tuple[Any, ...], junk: Any) -> None:
    request = copy.deepcopy(WHOLE)
    part = request
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = copy.deepcopy(junk)
    answer = client.post(SELECT, json=request)
    assert answer.status_code in (200, 400, 412)
