"""Connectors: plug-ins that turn files into documents."""
