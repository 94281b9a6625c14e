"""Recipes, targets and services: what is built from a repository and where it runs."""

from __future__ import annotations

from django.db import models

from core.models.flavours import Declared
from core.models.repositories import Repository
from core.states import Health


class Recipe(Declared):
    """One way of building a repository."""

    repository = models.ForeignKey(Repository, models.PROTECT, related_name="recipes")
    name = models.CharField(max_length=100)
    builder = models.CharField(max_length=50, help_text="The kind of its builder.")
    options = models.JSONField(default=dict, blank=True)
    platforms = models.JSONField(default=list)
    args = models.JSONField(default=dict, blank=True, help_text='A value is text, or {"input": NAME}.')
    timeout = models.PositiveIntegerField(default=3000, help_text="Seconds after which a build is ended.")
    recheck = models.BooleanField(default=False, help_text="Build checks again when an input moves.")

    class Meta:
        ordering = ("id",)
        constraints = [models.UniqueConstraint(name="recipe_in_repository", fields=["repository", "name"])]

    def __str__(self) -> str:
        return f"{self.repository}: {self.name}"


class Target(Declared):
    """This branch of a recipe is published under this image name."""

    recipe = models.ForeignKey(Recipe, models.PROTECT, related_name="targets")
    branch = models.CharField(max_length=500)
    image = models.CharField(max_length=300)

    class Meta:
        ordering = ("id",)
        constraints = [models.UniqueConstraint(name="target_in_recipe", fields=["recipe", "branch", "image"])]

    def __str__(self) -> str:
        return f"{self.branch} as {self.image}"


class Service(Declared):
    """One running thing.

    `current` is what its latest successful deployment moved it to; `observed_*` is what its deployer last saw; `status`
    and `reason` say what the last evaluation made of it.
    """

    target = models.ForeignKey(Target, models.PROTECT, related_name="services")
    name = models.CharField(max_length=200)
    deployer = models.CharField(max_length=50, help_text="The kind of its deployer.")
    options = models.JSONField(default=dict, blank=True)
    host = models.CharField(max_length=200, blank=True)
    uri = models.CharField(max_length=500, blank=True, help_text="Where people find it.")

    current = models.ForeignKey("core.Release", models.PROTECT, null=True, editable=False, related_name="+")
    current_since = models.DateTimeField(null=True, editable=False)
    status = models.CharField(max_length=20, blank=True, editable=False)
    reason = models.TextField(blank=True, editable=False)
    observed_digest = models.CharField(max_length=100, blank=True, editable=False)
    observed_health = models.CharField(
        max_length=20,
        default=Health.UNKNOWN,
        choices=[(health.value, health.value) for health in Health],
        editable=False,
    )
    observed_detail = models.TextField(blank=True, editable=False)
    observed_drift = models.TextField(blank=True, editable=False)
    observed_at = models.DateTimeField(null=True, editable=False)
    next_observe_at = models.DateTimeField(null=True, db_index=True, editable=False)

    class Meta:
        ordering = ("name", "host")
        constraints = [
            models.UniqueConstraint(
                name="one_live_service_of_a_name_on_a_host",
                fields=["deployer", "host", "name"],
                condition=models.Q(retired_at=None),
            )
        ]

    def __str__(self) -> str:
        return f"{self.name}@{self.host}" if self.host else self.name

    @property
    def drift(self) -> str:
        """What is not as its latest deployment said, in words."""
        if not (self.current and self.observed_at):
            return ""
        other = self.observed_digest and self.observed_digest != self.current.digest
        image = (
            f"it runs {self.observed_digest.removeprefix('sha256:')[:12]}, another image than its latest deployment"
            if other
            else ""
        )
        return "; ".join(filter(None, [image, self.observed_drift]))
