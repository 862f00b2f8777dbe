"""The service for hospital systems: CDS Hooks, and the assessment over HTTP. Decision support for research."""
