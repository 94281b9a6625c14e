"""axe-core in a page: what keeps somebody from using it who does not see, hear or move as most do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from selenium.webdriver import Chrome

from tests.npm import file

_AXE = ("axe-core@4.14.1", "package/axe.min.js")
#: WCAG 2.0, 2.1 and 2.2, levels A and AA, and two habits that go beyond them.
_TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
_HABITS = ("heading-order", "region", "landmark-one-main", "page-has-heading-one")
_RUN = """
    const [only, done] = [arguments[0], arguments[arguments.length - 1]];
    const why = (node) => node.any.concat(node.all).map((each) => each.message).join("; ");
    const words = (node) => `${node.target.join(" ")}: ${node.html.slice(0, 200)} (${why(node)})`;
    axe.run(document, { runOnly: only, resultTypes: ["violations"] }).then(
      ({ violations }) => done(violations.map(({ id, nodes }) => [id, nodes.slice(0, 3).map(words)])),
      (error) => done([["axe itself", [String(error)]]]),
    );
"""


def violations(browser: Chrome, rules: Sequence[str] = ()) -> list[str]:
    """What is wrong with the page that is shown, a sentence each.

    :param rules: those to check alone, for what another look at the same page may change; all by default.
    """
    if not browser.execute_script("return 'axe' in window"):
        browser.execute_script(file(*_AXE).read_text())
    chosen = _axe_rules(browser) if not rules else list(rules)
    found: Any = browser.execute_async_script(_RUN, {"type": "rule", "values": chosen})
    return [f"{rule}: {node}" for rule, nodes in found for node in nodes]


def _axe_rules(browser: Chrome) -> list[str]:
    script = "return axe.getRules(arguments[0]).map((rule) => rule.ruleId)"
    return [*browser.execute_script(script, list(_TAGS)), *_HABITS]
