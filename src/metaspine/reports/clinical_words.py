"""The codes of an advice in the words of a tumour board; a code without words of its own is spelled out."""

from __future__ import annotations

from metaspine.reports.wording import UNKNOWN, spoken

_WORDS = {
    "CEBRT": "conventional external-beam radiotherapy",
    "STAB_THEN_CEBRT": "stabilisation, then conventional external-beam radiotherapy",
    "SRS": "stereotactic radiosurgery",
    "STAB_THEN_SRS": "stabilisation, then stereotactic radiosurgery",
    "SEP_SURG_THEN_SRS": "separation surgery, then stereotactic radiosurgery",
    "DECOMP_STAB_THEN_RT": "decompression and stabilisation, then radiotherapy",
    "DECOMP_STAB_THEN_CEBRT": "decompression and stabilisation, then conventional external-beam radiotherapy",
    "TISSUE_FIRST": "tissue diagnosis first",
    "MANUAL_REVIEW": "manual review by the board",
    "INSUFFICIENT_DATA": "insufficient data",
    "NOT_APPLICABLE_BENIGN": "not applicable: benign lesion",
    "MAS": "minimal-access surgery",
    "percutaneous_only": "percutaneous only",
    "SUBORDINATE_TO_SURGERY": "subordinate to surgery, not instead of it",
    "ALTERNATIVE_TO_ADJUVANT_RT": "alternative to adjuvant radiotherapy (research protocol, specific consent)",
    "ALTERNATIVE_TO_RT": "alternative to radiotherapy",
    "SINS_LT_7": "SINS below 7",
    "ESCC_MISSING": "ESCC missing",
    "GT_3_LESIONS": "more than 3 lesions",
    "GT3_CONTIGUOUS_LEVELS": "more than 3 contiguous levels",
    "TOMITA_TYPE_GT_2": "Tomita type above 2",
    "PRIOR_RT_UNKNOWN": "prior radiotherapy unknown",
    "DEX_10MG_IV_THEN_16MG_DAY_WITHIN_12H": "dexamethasone 10 mg intravenously, then 16 mg a day, within 12 h",
    "GIVE_NOW_WINDOW_PASSED": "give now; the 12 h window has passed",
    "CONFLICT_GIVE_OR_DEFER": "conflict between sources: give, or defer until tissue",
    "DEFER_UNTIL_TISSUE": "defer until tissue diagnosis",
    "OMIT_ASYMPTOMATIC_RADIOLOGICAL": "omit: compression on imaging only",
    "NOT_INDICATED": "not indicated",
    "lt6mo": "less than 6 months",
    "ge6mo": "6 months or more",
    "gt6mo": "more than 6 months",
    "ge12mo": "12 months or more",
    "gt12mo": "more than 12 months",
    "BAND_LT3_NO_SURGERY": "less than 3 months: no surgery",
    "BAND_3_6_MAS": "3 to 6 months: minimal-access surgery",
    "BAND_6_24_OPEN": "6 to 24 months: open surgery possible",
    "BAND_GE24_EN_BLOC_BY_SURVIVAL_ONLY": "24 months or more: en bloc by survival alone",
    "8Gy/1": "8 Gy in 1 fraction",
    ">=30Gy_fractionated": "30 Gy or more, fractionated",
    "rcc": "renal cell carcinoma",
    "nsclc": "non-small-cell lung cancer",
    "sclc": "small-cell lung cancer",
    "hcc": "hepatocellular carcinoma",
    "unknown": "unknown",
    "high": "high grade",
    "low": "low grade",
}


def in_words(code: str | None, missing: str = UNKNOWN) -> str:
    """Return a code in words; None is a word for its absence."""
    return missing if code is None else _WORDS.get(code, spoken(code))


def each_in_words(codes: list[str] | tuple[str, ...], missing: str = "none") -> str:
    """Return several codes in words, separated by semicolons."""
    return "; ".join(in_words(code) for code in codes) or missing
