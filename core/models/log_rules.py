"""Rules that name the probable cause of a failure from a job's log."""

from __future__ import annotations

from django.db import models


class LogRule(models.Model):
    """A regular expression, and what it means when it is found in the log of a job that failed.

    `origin` says who brought it; it is empty for one that a person made or changed.
    """

    name = models.CharField(max_length=100, unique=True)
    pattern = models.TextField()
    report = models.CharField(
        max_length=500, help_text="The cause in one sentence; groups of the pattern are filled in."
    )
    score = models.IntegerField(default=50, help_text="Of several rules that match, the highest score wins.")
    enabled = models.BooleanField(default=True)
    origin = models.CharField(max_length=100, blank=True, editable=False)
    example = models.TextField(blank=True, help_text="Lines of a log that it is meant for.")

    class Meta:
        ordering = ("-score", "name")

    def __str__(self) -> str:
        return self.name
