"""What is kept: one noun a file."""

from core.models.access import ApiToken, IdempotentCall
from core.models.flavours import Declared, Flavour, Input
from core.models.holds import Hold
from core.models.jobs import Job, Runner
from core.models.log_rules import LogRule
from core.models.people import Identity
from core.models.recipes import Recipe, Service, Target
from core.models.records import Activity, BuilderPools, Delivery, Message, PluginFact
from core.models.repositories import Commit, Ref, Repository
from core.models.work import Build, Deployment, Release, Rollback

__all__ = [
    "Activity",
    "ApiToken",
    "Build",
    "BuilderPools",
    "Commit",
    "Declared",
    "Delivery",
    "Deployment",
    "Flavour",
    "Hold",
    "IdempotentCall",
    "Identity",
    "Input",
    "Job",
    "LogRule",
    "Message",
    "PluginFact",
    "Recipe",
    "Ref",
    "Release",
    "Repository",
    "Rollback",
    "Runner",
    "Service",
    "Target",
]
