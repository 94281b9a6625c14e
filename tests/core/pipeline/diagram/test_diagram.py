"""Diagrams: boxes that stand apart, edges that go to the right, and pictures that hostile names do nothing to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from core.pipeline.diagram import svg
from core.pipeline.diagram.conditions import Condition, worst
from core.pipeline.diagram.flow import CommitFact, Flow, Kind, Known, ServiceSeen, flow
from core.pipeline.diagram.layout import Placed, arrange, columns
from core.pipeline.diagram.signs import COLOURS, SIGNS
from core.pipeline.diagram.text import fit, plain, width
from core.pipeline.evaluate import evaluate
from core.pipeline.facts import RecipeFact, RefFact, Result, ServiceFact, Snapshot, TargetFact
from core.pipeline.graph import build
from core.states import JobState, RefKind, Rollout

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = st.text(max_size=40) | st.sampled_from(
    ["</text><script>", '" onload="x', "]]>", "\x00\x1b[31m", "\u202etxt.exe", "\uffff", "&amp;<![CDATA[", "名前" * 20]
)


def snapshot_of(
    names: Sequence[str],
    *,
    recipes: int = 1,
    services: int = 1,
    platforms: int = 1,
    rollout: Rollout = Rollout.TOGETHER,
    states: Sequence[JobState] = (JobState.SUCCEEDED,),
) -> Snapshot:
    """Branches of these names, the first of which the recipes' targets follow; results take turns."""
    made = [
        RecipeFact(
            id=recipe,
            name=names[recipe % len(names)],
            definition="d",
            platforms=[f"linux/{number}" for number in range(platforms)],
            targets=[
                TargetFact(
                    id=recipe,
                    branch=names[0],
                    image=f"acme/{names[-1]}",
                    services=[ServiceFact(id=10 * recipe + each, name=names[-1]) for each in range(services)],
                    rollout=rollout,
                )
            ],
        )
        for recipe in range(recipes)
    ]
    refs = [
        RefFact(id=number, ref=f"refs/heads/{name}", kind=RefKind.BRANCH, commit=f"{number:040x}", trusted=True)
        for number, name in enumerate(names)
    ]
    bare = Snapshot(repository="acme/shop", recipes=made, refs=refs)
    results = {
        fingerprint: Result(job=job, state=states[job % len(states)], reason=names[0])
        for job, fingerprint in enumerate(build(bare).fingerprints(), 1)
    }
    return Snapshot(repository="acme/shop", recipes=made, refs=refs, results=results)


def flow_of(snapshot: Snapshot, *, name: str = "acme/shop", repository: int = 1, refs: int = 0) -> Flow:
    commits = [
        CommitFact(hash=ref.commit, refs=[ref.ref.removeprefix("refs/heads/")], title=name, deployed=not ref.id)
        for ref in snapshot.refs
    ]
    return flow(repository, name, evaluate(snapshot), Known(commits=commits, refs=refs))


flows = st.builds(
    lambda names, name, recipes, services, platforms, rollout, states: flow_of(
        snapshot_of(names, recipes=recipes, services=services, platforms=platforms, rollout=rollout, states=states),
        name=name,
        refs=9,
    ),
    st.lists(HOSTILE, min_size=1, max_size=4, unique=True),
    HOSTILE,
    st.integers(0, 3),
    st.integers(0, 4),
    st.integers(1, 3),
    st.sampled_from(Rollout),
    st.lists(st.sampled_from(JobState), min_size=1, max_size=5),
)


def apart(one: Placed, other: Placed) -> bool:
    beside = one.x + one.width < other.x or other.x + other.width < one.x
    return beside or one.y + one.height < other.y or other.y + other.height < one.y


@given(flows)
def test_no_box_stands_over_another_and_every_edge_goes_to_the_right(found: Flow) -> None:
    layout = arrange(found)
    assert [each.box.id for each in layout.placed] == [box.id for box in found.boxes]
    for one, other in combinations(layout.placed, 2):
        assert apart(one, other), (one, other)
    assert len(layout.wires) == len(found.edges)
    assert all(wire.x1 < wire.x2 for wire in layout.wires)
    for each in layout.placed:
        assert each.x >= 0
        assert each.y >= 0
        assert each.x + each.width <= layout.width
        assert each.y + each.height <= layout.height
    assert arrange(found) == layout, "the same each time"


@given(flows, st.booleans())
def test_a_picture_is_well_formed_whatever_things_are_called(found: Flow, alone: bool) -> None:
    groups = [svg.Group(found, True, "?open=1&closed=2"), svg.Group(found, False, "?")]
    for text in (
        svg.repository(found, label=found.name, stylesheet="/x.css" if alone else None),
        svg.flavour(groups, label=found.name, stylesheet="" if alone else None),
    ):
        root = ET.fromstring(text)
        assert {each.tag.removeprefix(SVG) for each in root.iter()} <= {
            "svg",
            "g",
            "a",
            "path",
            "rect",
            "text",
            "title",
        }
        for each in root.iter():
            assert not {name for name in each.attrib if name.startswith("on") or name == "style"}
        links = [each for each in root.iter() if each.tag.removeprefix(SVG) == "a"]
        assert all(each.get("href", "").startswith(("/", "?")) for each in links)
        explained = [each for each in links if each.get("class") != "name"]
        assert all("title" in {child.tag.removeprefix(SVG) for child in each} for each in explained)


@given(HOSTILE, st.integers(0, 300))
def test_a_line_that_is_cut_fits(text: str, room: int) -> None:
    shown = fit(text, room, 13)
    assert shown == plain(text) or shown.endswith("…")
    assert width(shown, 13) <= max(room, width("…", 13))


def test_edges_that_others_imply_are_left_out() -> None:
    found = flow_of(snapshot_of(["live"], services=3, rollout=Rollout.IN_ORDER))
    assert [(edge.before, edge.after, edge.held) for edge in found.edges if edge.after.startswith("service")] == [
        ("release:0", "service:0", False),
        ("service:0", "service:1", True),
        ("service:1", "service:2", True),
    ]
    layout = arrange(found)
    assert [each.x for each in layout.placed] == sorted({each.x for each in layout.placed}), "all in one line"


def test_a_branch_that_nobody_deploys_is_shown_while_it_moves_or_is_broken_and_counted_otherwise() -> None:
    done = flow_of(snapshot_of(["live", "topic"], services=0), refs=5)
    assert [box.label for box in done.boxes if box.kind is Kind.COMMIT] == ["live"]
    assert done.boxes[-1].label == "+ 4 other refs"
    assert not done.calls_for_attention
    broken = flow_of(snapshot_of(["live", "topic"], states=[JobState.FAILED]), refs=2)
    assert [box.label for box in broken.boxes if box.kind is Kind.COMMIT] == ["live", "topic"]
    assert broken.calls_for_attention
    assert broken.worst is Condition.FAILED


def test_a_branch_that_is_not_there_is_told_with_the_services_that_wait_for_it() -> None:
    known = Known(services=[ServiceSeen(id=7, name="shop", branch="live", reason="waits for branch live")])
    found = flow(1, "acme/shop", evaluate(Snapshot(repository="acme/shop", recipes=[], refs=[])), known)
    assert [(box.label, box.condition) for box in found.boxes] == [
        ("live", Condition.BLOCKED),
        ("shop", Condition.BLOCKED),
    ]
    assert found.boxes[1].sentence == "service shop: held back. Waits for branch live"
    assert len(arrange(found).wires) == 1


def test_a_service_that_is_deployed_and_not_well_is_no_success() -> None:
    snapshot = snapshot_of(["live"])
    running = build(snapshot).nodes["release:0"].operation
    assert running
    service = ServiceFact(id=0, name="shop", running=running.fingerprint)
    target = TargetFact(id=0, branch="live", image="acme/live", services=[service])
    recipe = RecipeFact(id=0, name="live", definition="d", platforms=["linux/0"], targets=[target])
    known = Known(
        commits=[CommitFact(hash=snapshot.refs[0].commit, refs=["live"], deployed=True)],
        services=[ServiceSeen(id=0, name="shop", branch="live", unwell="it is absent")],
        releases={running.fingerprint: "/releases/3/"},
    )
    state = evaluate(Snapshot(repository="s", recipes=[recipe], refs=snapshot.refs, results=snapshot.results))
    found = {box.id: box for box in flow(1, "acme/shop", state, known).boxes}
    assert (found["service:0"].condition, found["service:0"].reason) == (Condition.UNWELL, "it is absent")
    assert (found["service:0"].page, found["release:0"].page) == ("/services/0/", "/releases/3/")


def test_a_state_is_told_by_a_shape_and_by_words_and_not_by_its_colour_alone() -> None:
    assert set(SIGNS) == set(COLOURS) == set(Condition)
    assert len(set(SIGNS.values())) == len({each.words for each in Condition}) == len(Condition)
    text = svg.repository(flow_of(snapshot_of(["live"], states=[JobState.FAILED])), label="x")
    assert SIGNS[Condition.FAILED] in text
    assert "release build of live on linux/0: failed. Live" in text


def test_signs_stand_out_from_the_paper() -> None:
    for condition, colour in COLOURS.items():
        assert 1.05 / (_luminance(colour) + 0.05) >= 4.5, condition


def _luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_many_diagrams_stand_in_line() -> None:
    short, long = flow_of(snapshot_of(["live"])), flow_of(snapshot_of(["a-branch-with-a-long-name"]))
    widths = columns([short, long])
    assert [each.x for each in arrange(short, widths).placed] == [each.x for each in arrange(long, widths).placed]


def test_the_worst_of_nothing_is_well() -> None:
    assert worst([]) is Condition.DONE
