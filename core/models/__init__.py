"""What is kept: one noun a file."""

from core.models.access import ApiToken, IdempotentCall
from core.models.flavours import Declared, Flavour, Input
from core.models.gates import Approval, GateException
from core.models.holds import Hold
from core.models.jobs import Job
from core.models.log_rules import LogRule
from core.models.people import Identity
from core.models.plugins import PluginIncident, PluginSwitch
from core.models.probes import Probe
from core.models.processes import Process, Runner, Schema
from core.models.recipes import Recipe, Service, Target
from core.models.records import Activity, BuilderPools, Delivery, Measurement, Message, PluginFact
from core.models.repositories import Commit, Ref, Repository
from core.models.tidyings import Tidying
from core.models.work import Build, Deployment, Provenance, Release, ReleaseChanges, Rollback

__all__ = [
    "Activity",
    "ApiToken",
    "Approval",
    "Build",
    "BuilderPools",
    "Commit",
    "Declared",
    "Delivery",
    "Deployment",
    "Flavour",
    "GateException",
    "Hold",
    "IdempotentCall",
    "Identity",
    "Input",
    "Job",
    "LogRule",
    "Measurement",
    "Message",
    "PluginFact",
    "PluginIncident",
    "PluginSwitch",
    "Probe",
    "Process",
    "Provenance",
    "Recipe",
    "Ref",
    "Release",
    "ReleaseChanges",
    "Repository",
    "Rollback",
    "Runner",
    "Schema",
    "Service",
    "Target",
    "Tidying",
]
