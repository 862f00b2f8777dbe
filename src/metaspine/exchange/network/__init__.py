"""Talking to a hospital's archive and scanners: DICOM's own network and DICOMweb, by the extra ``archive``."""
