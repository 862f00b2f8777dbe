"""Writers of DICOM objects that other systems accept."""
