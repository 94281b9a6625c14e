"""Recipes, targets and services: what is built from a repository and where it runs."""

from __future__ import annotations

from django.db import models

from core.models import visible
from core.models.flavours import Declared
from core.models.repositories import Repository
from core.pipeline import drift
from core.pipeline.evaluate import Status
from core.pipeline.rollout import behind
from core.states import DriftPolicy, Health, Rollout


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

    objects = visible.Visible("repository__flavour")

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
    rollout = models.CharField(
        max_length=20,
        default=Rollout.TOGETHER,
        choices=[(rollout.value, rollout.value) for rollout in Rollout],
        help_text="How its services move: all at once, each after the one before it, or the first one alone and then"
        " the others.",
    )
    soak = models.PositiveIntegerField(
        default=0,
        help_text="Seconds that a service which others wait for is watched after its move; 0: the others follow at once.",
    )

    objects = visible.Visible("recipe__repository__flavour")

    class Meta:
        ordering = ("id",)
        constraints = [models.UniqueConstraint(name="target_in_recipe", fields=["recipe", "branch", "image"])]

    def __str__(self) -> str:
        return f"{self.branch} as {self.image}"

    def in_order(self) -> list[Service]:
        """Its services in use, in the order in which they move where its rollout asks for one."""
        return list(self.services.filter(retired_at=None).order_by(*Service.IN_ORDER))


class Service(Declared):
    """One running thing.

    `current` is what its latest successful deployment moved it to, `current_digest` the digest that the release had then;
    `observed_*` is what its deployer last saw; `status` and `reason` say what the last evaluation made of it.
    """

    #: The order in which the services of a target move: those without a position last, as they came.
    IN_ORDER = (models.F("position").asc(nulls_last=True), "id")

    target = models.ForeignKey(Target, models.PROTECT, related_name="services")
    name = models.CharField(max_length=200)
    deployer = models.CharField(max_length=50, help_text="The kind of its deployer.")
    options = models.JSONField(default=dict, blank=True)
    host = models.CharField(max_length=200, blank=True)
    uri = models.CharField(max_length=500, blank=True, help_text="Where people find it.")
    position = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="Where it comes among the services of its target that move in an order: smaller goes first, empty last.",
    )

    notifiers = models.JSONField(
        default=list,
        blank=True,
        help_text="Who is told of it besides those whom the flavour names: pairs of a kind and its options.",
    )
    gates = models.JSONField(
        default=list,
        db_default=[],
        blank=True,
        help_text="What can hold its deployments back, besides the gates of the flavour: pairs of a kind and its options.",
    )
    before = models.JSONField(
        default=list,
        db_default=[],
        blank=True,
        help_text="The steps that are done before it is moved, in this order: pairs of a kind and its options.",
    )
    after = models.JSONField(
        default=list,
        db_default=[],
        blank=True,
        help_text="The steps that are done after it was moved, in this order: pairs of a kind and its options.",
    )

    health_check = models.JSONField(
        null=True,
        blank=True,
        help_text="How it is found out from outside whether it is well: `core.pipeline.declaration.HealthCheck`, by the"
        " names of its fields; empty: it is not.",
    )
    soak = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="Seconds that it is watched after its move; empty: as its target says where others wait for it.",
    )
    drift_policy = models.CharField(
        max_length=10,
        blank=True,
        default="",
        db_default="",
        choices=[(policy.value, policy.value) for policy in DriftPolicy],
        help_text="What is done about drift: off, ask, heal; empty: as its flavour says.",
    )

    current = models.ForeignKey("core.Release", models.PROTECT, null=True, editable=False, related_name="+")
    current_digest = models.CharField(max_length=100, blank=True, editable=False)
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
    unwell_since = models.DateTimeField(
        null=True, editable=False, help_text="When it was first seen unhealthy since it was last calm."
    )
    well_since = models.DateTimeField(
        null=True, editable=False, help_text="Since when it is seen healthy without a break, after it was not."
    )
    unwell_told_at = models.DateTimeField(null=True, editable=False, help_text="When people were told of that.")
    drift_told_at = models.DateTimeField(null=True, editable=False, help_text="When people were told of its drift.")

    objects = visible.Visible("target__recipe__repository__flavour")

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
    def is_awaited(self) -> bool:
        """Whether other services are moved only after it."""
        services, rollout = self.target.in_order(), Rollout(self.target.rollout)
        return self in services and bool(behind(rollout, services, services.index(self)))

    @property
    def watched(self) -> int:
        """Seconds that it is watched after its move: its own, or its target's where others wait for it."""
        if self.soak is not None:
            return self.soak
        return self.target.soak if self.target.soak and self.is_awaited else 0

    @property
    def drift_in_force(self) -> DriftPolicy:
        """What is done about its drift. Expects its flavour with it."""
        return DriftPolicy(self.drift_policy or self.target.recipe.repository.flavour.drift)

    @property
    def drift(self) -> str:
        """What is not as its latest deployment said, in words. Nobody can tell while it is being moved."""
        if not (self.current_id and self.observed_at) or self.status == Status.RUNNING:
            return ""
        told = drift.words(current=self.current_digest, observed=self.observed_digest, otherwise=self.observed_drift)
        return told if told and self.drift_in_force is not DriftPolicy.OFF else ""
