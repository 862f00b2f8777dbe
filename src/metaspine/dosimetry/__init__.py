"""The dose engines behind one protocol: water; live and reference follow."""
