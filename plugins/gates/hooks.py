"""Where this plugin joins in."""

from core.api import Gate, Step, hookimpl
from plugins.gates.after_check import AfterCheckGate
from plugins.gates.approvals import ApprovalsGate
from plugins.gates.command import CommandGate, CommandStep
from plugins.gates.http import HttpGate, HttpStep
from plugins.gates.window import WindowGate


@hookimpl
def deployer_register_gates() -> list[Gate]:
    return [WindowGate(), ApprovalsGate(), AfterCheckGate(), CommandGate(), HttpGate()]


@hookimpl
def deployer_register_steps() -> list[Step]:
    return [CommandStep(), HttpStep()]
