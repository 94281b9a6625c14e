"""The screen of log rules: the form, trying one out, and files of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from core import configuration
from core.logs.starting_rules import STARTING_RULES
from core.logs.store import LogStore
from core.models import Activity, Job, LogRule
from core.services import log_rules
from core.states import JobState
from tests import factories
from tests.core.admin.pages import faults, told

pytestmark = pytest.mark.django_db
GOOD = {
    "name": "mine",
    "pattern": r"^error: (?P<file>\S+):(?P<line>\d+): (.+)$",
    "report": r"It failed: \3",
    "score": 60,
}


def failed(log: str, **fields: Any) -> Job:
    job = factories.make_job(state=JobState.FAILED, log=f"2026-11-23/{Job.objects.count()}.log", **fields)
    writer = LogStore(configuration.current().logs_dir).open(job.log)
    writer.write(log.encode())
    writer.close()
    return job


# The form


def test_a_rule_is_added_and_on_record(boss) -> None:
    assert boss.add("logrule", **GOOD, example="error: a.c:3: no\r\n").status_code == 302
    row = LogRule.objects.get()
    assert (row.name, row.origin, row.enabled, row.example) == ("mine", "", True, "error: a.c:3: no\n")
    assert str(Activity.objects.get()) == "boss added mine"


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        ({"pattern": "a("}, "pattern", "missing ): a("),
        ({"pattern": "(?=a)b"}, "pattern", "looking ahead"),
        ({"pattern": "x*", "report": "x"}, "pattern", "matches the empty string"),
        ({"pattern": "a\r\nb", "report": "x"}, "pattern", r"write \n for the end"),
        ({"report": r"\4"}, "report", r"\4 is no group"),
        ({"report": r"\g<what>"}, "report", r"\g<what> is no group"),
        ({"score": 101}, "score", "less than or equal to 100"),
        ({"score": "many"}, "score", "whole number"),
        ({"example": "error: none"}, "example", "not found in it"),
        ({"pattern": ""}, "pattern", "required"),
    ],
)
def test_what_is_wrong_is_told_on_its_field_and_nothing_is_saved(values, field, said, boss) -> None:
    found = faults(boss.add("logrule", **{**GOOD, **values}))
    assert list(found) == [field]
    assert said in " ".join(found[field])
    assert not LogRule.objects.exists()


def test_spaces_at_the_ends_of_a_pattern_are_part_of_it(boss) -> None:
    boss.add("logrule", **{**GOOD, "pattern": " error: ", "report": "x"})
    assert LogRule.objects.get().pattern == " error: "


def test_a_second_rule_of_a_name_is_refused_on_the_page(boss) -> None:
    factories.make_log_rule("mine")
    assert "already exists" in " ".join(faults(boss.add("logrule", **GOOD))["name"])


def test_an_edited_rule_is_a_persons_and_keeps_its_name(boss) -> None:
    log_rules.install()
    row = LogRule.objects.get(name=STARTING_RULES[0].name)
    assert boss.change(row, score=12, name="another").status_code == 302
    row.refresh_from_db()
    assert (row.name, row.score, row.origin) == (STARTING_RULES[0].name, 12, "")
    assert Activity.objects.get().reason == "score: 95 → 12"


def test_saving_without_a_change_changes_nothing(boss) -> None:
    log_rules.install()
    for row in LogRule.objects.all()[:5]:
        assert boss.change(row).status_code == 302
    assert not LogRule.objects.filter(origin="").exists()
    assert not Activity.objects.exists()


def test_rules_are_disabled_enabled_and_put_back_in_the_list(boss) -> None:
    log_rules.install()
    row, other = LogRule.objects.filter(origin="deployer")[:2]
    assert told(boss.act("disable", row, other, reason="noise")) == [f"2 disabled: {row}, {other}"]
    assert LogRule.objects.filter(enabled=False).count() == 2
    boss.act("enable", row)
    LogRule.objects.filter(pk=row.pk).update(pattern="mine", origin="")
    assert told(boss.act("put_back", row)) == [f"1 put back as they came: {row}"]
    row.refresh_from_db()
    assert (row.origin, row.enabled) == ("deployer", True)
    mine = factories.make_log_rule("mine")
    assert told(boss.act("put_back", mine)) == ["mine was made by a person: there is nothing to put back."]


def test_the_list_tells_how_often_a_rule_named_a_cause(boss) -> None:
    rule = factories.make_log_rule("often & more")
    for _ in range(3):
        failed("", rule=rule.name)
    failed("", rule="another")
    page = boss.list("logrule").rendered_content
    assert "?rule=often+%26+more" in page
    assert '">3</a>' in page
    assert len(boss.list("job", rule=rule.name).context["cl"].result_list) == 3


# Trying it


def tried(boss, client, **values: Any) -> str:
    return client.post(reverse("admin:core_logrule_try"), {**GOOD, **values}).content.decode()


def test_a_rule_is_tried_on_the_logs_of_failed_jobs(boss, client) -> None:
    first = failed("#5 [2/2] RUN make\n#5 0.5 error: src/a.c:3: no <b>\n#5 0.6 bye\n", rule="x", cause="Something else")
    failed("all is well\n")
    factories.make_job(state=JobState.SUCCEEDED, log=first.log)
    page = tried(boss, client)
    assert "It is found in 1 of 2 logs." in page
    assert f'<a href="/jobs/{first.pk}/">job {first.pk}</a> line 2' in page
    assert "#5 0.5 error: src/a.c:3: no &lt;b&gt;" in page
    assert "It failed: no &lt;b&gt;" in page
    assert "src/a.c:3</span>" in page
    assert "x said: Something else" in page
    assert not LogRule.objects.exists()


def test_a_rule_is_tried_on_a_text(boss, client) -> None:
    assert "line 2" in tried(boss, client, try_text="fine\r\nerror: a.c:3: no\r\n")
    assert "It is not found there." in tried(boss, client, try_text="fine")


@pytest.mark.parametrize(
    ("values", "said"),
    [({"pattern": "a("}, "Pattern: It is no regular expression"), ({"report": r"\9"}, "Report: \\9 is no group")],
)
def test_a_rule_that_is_wrong_is_not_tried_and_says_why(values, said, boss, client) -> None:
    failed("a(\n")
    page = tried(boss, client, **values, score="many", name="")
    assert said in page
    assert "It is found" not in page


def test_logs_are_tried_for_who_may_see_jobs_alone(staff, client) -> None:
    failed("error: a.c:3: no\n")
    staff("change_logrule")
    page = client.post(reverse("admin:core_logrule_try"), {**GOOD, "try_text": "error: a.c:3: no"}).content.decode()
    assert "It failed: no" in page
    assert "It is found in" not in page


@pytest.mark.parametrize("name", ["try", "export", "import"])
def test_who_may_not_gets_no_page(name, staff, client) -> None:
    staff("view_job")
    for ask in (client.get, client.post):
        assert ask(reverse(f"admin:core_logrule_{name}")).status_code == 403


def test_trying_is_asked_for_by_post_alone(boss, client) -> None:
    assert client.get(reverse("admin:core_logrule_try")).status_code == 405


# Files


@pytest.mark.parametrize("format", ["json", "csv"])
def test_what_was_exported_is_imported_again_unchanged(format, boss, client) -> None:
    log_rules.install()
    LogRule.objects.filter(name=STARTING_RULES[0].name).update(enabled=False)
    answer = client.get(reverse("admin:core_logrule_export"), {"format": format})
    assert answer["Content-Disposition"] == f'attachment; filename="log-rules.{format}"'
    before = list(LogRule.objects.values_list())
    file = SimpleUploadedFile("rules", answer.content)
    page = client.post(reverse("admin:core_logrule_import"), {"file": file}, follow=True)
    assert told(page) == [f"0 added, 0 changed, {len(before)} were the same."]
    assert list(LogRule.objects.values_list()) == before
    LogRule.objects.all().delete()
    page = client.post(reverse("admin:core_logrule_import"), {"text": answer.content.decode()}, follow=True)
    assert told(page) == [f"{len(before)} added, 0 changed, 0 were the same."]
    assert {log_rules.value(row) for row in LogRule.objects.all()} >= set(STARTING_RULES)
    assert not LogRule.objects.get(name=STARTING_RULES[0].name).enabled


def test_a_file_changes_what_it_names_and_leaves_the_rest(boss, client) -> None:
    kept, changed = factories.make_log_rule("kept"), factories.make_log_rule("changed")
    rules = [
        {"name": "changed", "pattern": "x", "report": "X", "enabled": False},
        {"name": "n", "pattern": "y", "report": "Y"},
    ]
    page = client.post(reverse("admin:core_logrule_import"), {"text": json.dumps(rules)}, follow=True)
    assert told(page) == ["1 added, 1 changed, 0 were the same."]
    changed.refresh_from_db()
    assert (changed.pattern, changed.enabled) == ("x", False)
    assert LogRule.objects.filter(pk=kept.pk).exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "The first line has to name the columns"),
        ("[", "It is no JSON"),
        ("[" * 100_000, "It is no JSON"),
        ('["\\ud800"]', "It has half of a character"),
        ("{}", "It has to be a list of rules"),
        ("[1]", "Rule 1, as a whole"),
        ('[{"name": "a", "pattern": "a", "report": "A", "colour": 1}]', "Rule 1, colour: Extra inputs"),
        ('[{"name": "a", "pattern": "a"}]', "Rule 1, report: Field required"),
        ('[{"name": "a", "pattern": "a(", "report": "A"}]', "a, pattern: It is no regular expression"),
        (
            '[{"name": "a", "pattern": "a", "report": "A"},{"name": "a", "pattern": "a", "report": "A"}]',
            "a: it is there twice.",
        ),
        ("name,pattern,report\na,a,A,extra\n", "Rule 1"),
        ("name;pattern;report\n", "The first line has to name the columns"),
        ('name,pattern,report\n"a', "It is no CSV"),
        ("name,pattern,report,score\na,a,A,many\n", "Rule 1, score: Input should be a valid integer"),
    ],
)
def test_a_file_that_is_wrong_changes_nothing_and_says_what_is_wrong(text, said, boss, client) -> None:
    good = '[{"name": "good", "pattern": "g", "report": "G"},'
    page = client.post(reverse("admin:core_logrule_import"), {"text": text.replace("[{", good + "{", 1)})
    assert page.status_code == 200
    faults = " ".join(page.context["form"].non_field_errors())
    assert said.replace("Rule 1", "Rule 2" if "[{" in text else "Rule 1") in faults
    assert not LogRule.objects.exists()


def test_a_file_that_is_no_text_or_too_large_is_refused(boss, client) -> None:
    for data, said in ((b"\xff\xfe", "no text in UTF-8"), (b"[" + b" " * (2 << 20), "larger than 1 MB")):
        page = client.post(reverse("admin:core_logrule_import"), {"file": SimpleUploadedFile("rules", data)})
        assert said in " ".join(page.context["form"].non_field_errors())
