"""Rows become summaries, summaries become lines. Nothing here prints."""
