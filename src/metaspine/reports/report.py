"""From a patient's way through the program to the files that leave it: the report, and what lies beside it."""

from __future__ import annotations

import json
from pathlib import Path

from metaspine.errors import MetaspineError, OutputError
from metaspine.evaluation.evaluate import Evaluation
from metaspine.exchange.nifti import write_volume
from metaspine.patient.advice import Advice
from metaspine.patient.case import Case
from metaspine.patient.dose import Dose
from metaspine.patient.plan import Plan
from metaspine.patient.scan import Scan
from metaspine.planning.document import plan_document
from metaspine.reports.assessment_page import assessment_page
from metaspine.reports.blocks import Document, Page
from metaspine.reports.dose_page import dose_page
from metaspine.reports.histogram_file import histogram_csv
from metaspine.reports.pictures import gallery
from metaspine.reports.plan_page import plan_page
from metaspine.reports.provenance_page import plan_origins, provenance_page
from metaspine.reports.refusal_page import refusal_page, refused_origins
from metaspine.reports.typesetting import typeset
from metaspine.running import Progress, now_or_source_date, silent, whole_folder
from metaspine.version import __version__

DISCLAIMER = "Decision support for research · multidisciplinary review required"
