"""What hypothesis makes worlds and their histories of: few names, so that everything meets everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from core.pipeline.declaration import FromInput
from core.pipeline.facts import Policy, RecipeFact, ServiceFact, TargetFact
from core.states import Rollout
from tests.core.pipeline.events import REFS, Event, fate
from tests.core.pipeline.rows import Declaration, Fate
from tests.core.pipeline.world import World

COMMITS = [f"{number:040x}" for number in range(1, 4)]
BRANCHES = ["live", "staging"]
IMAGES = ["owner/name:live", "owner/name:staging"]
PLATFORMS = ["linux/amd64", "linux/arm64"]
INPUTS = ["base", "data"]
_PLACES = [(branch, image) for branch in BRANCHES for image in IMAGES]
_SERVICES = [1, 2, 3]
_LIVE = [f"refs/heads/{branch}" for branch in BRANCHES]


@st.composite
def declarations(draw: DrawFn) -> Declaration:
    """One or two recipes with their targets; each service is at most at one of them."""
    recipes = draw(st.integers(1, 2))
    places = {
        recipe: draw(st.lists(st.sampled_from(_PLACES), unique=True, min_size=recipe == 0, max_size=2))
        for recipe in range(recipes)
    }
    targets = [(recipe, place) for recipe, chosen in places.items() for place in chosen]
    # Mostly together: the order in which services move matters only among those of one target.
    homes = {
        service: draw(st.sampled_from([*targets[:1] * 3, *targets, None] if service > 1 else targets[:1]))
        for service in _SERVICES
    }
    made = [
        RecipeFact(
            id=recipe,
            name=f"recipe{recipe}",
            definition=draw(st.sampled_from(["one", "other"])),
            platforms=draw(st.lists(st.sampled_from(PLATFORMS), unique=True, min_size=1)),
            args=draw(arguments),
            recheck=draw(st.booleans()),
            targets=[draw(_targets(recipe, place, homes)) for place in chosen],
        )
        for recipe, chosen in places.items()
    ]
    return Declaration(tuple(made), draw(policies))


def _targets(
    recipe: int, place: tuple[str, str], homes: dict[int, tuple[int, tuple[str, str]] | None]
) -> SearchStrategy[TargetFact]:
    services = [ServiceFact(id=id, name=f"service{id}") for id, home in homes.items() if home == (recipe, place)]
    return st.builds(
        TargetFact,
        # The same in every declaration, as the key of the row is.
        id=st.just(10 * recipe + _PLACES.index(place)),
        branch=st.just(place[0]),
        image=st.just(place[1]),
        services=st.permutations(services).map(tuple),
        rollout=st.sampled_from(Rollout),
    )


arguments: SearchStrategy[dict[str, str | FromInput]] = st.just({}) | st.dictionaries(
    st.sampled_from(["A", "B"]), st.sampled_from(["text", *(FromInput(name) for name in INPUTS)])
)
policies: SearchStrategy[Policy] = st.builds(
    Policy,
    harmless=st.sampled_from([False, False, False, True]),
    check=st.sampled_from([True, True, True, False]),
)


fates: SearchStrategy[Fate] = st.builds(
    fate, st.sets(st.sampled_from(COMMITS), max_size=2), st.sets(st.sampled_from(_SERVICES), max_size=1)
)

_picks = st.integers(0, 7)
_refs = st.sampled_from(list(REFS))
_live = st.sampled_from(_LIVE)

outside: SearchStrategy[Event] = st.one_of(
    st.builds(Event, st.just("push"), name=_refs, value=st.sampled_from(COMMITS)),
    st.builds(Event, st.just("push"), name=_live, value=st.sampled_from(COMMITS)),
    st.builds(Event, st.just("drop"), name=_refs),
    st.builds(Event, st.just("input"), name=st.sampled_from(INPUTS), value=st.sampled_from(["1", "2"])),
    st.builds(Event, st.just("declare"), declaration=declarations()),
)
looks: SearchStrategy[Event] = st.one_of(
    st.just(Event("look")),
    st.builds(Event, st.just("look_at"), name=_refs),
    st.just(Event("look_at_everything")),
)
crashes: SearchStrategy[Event] = st.just(Event("crash"))
runners: SearchStrategy[Event] = st.one_of(
    st.builds(Event, st.sampled_from(["claim", "succeed", "fail", "hear"]), pick=_picks),
    st.just(Event("work")),
    st.just(Event("settle")),
    crashes,
)
people: SearchStrategy[Event] = st.one_of(
    st.builds(Event, st.sampled_from(["cancel", "again", "roll_back", "lift"]), pick=_picks),
)
#: What seldom happens by chance: a release goes live, something befalls the next one on its way, somebody goes back.
_push_live = st.builds(Event, st.just("push"), name=_live, value=st.sampled_from(COMMITS))
_settled, _looked, _worked = st.just(Event("settle")), st.just(Event("look")), st.just(Event("work"))
_befallen = st.builds(
    Event, st.sampled_from(["cancel", "crash", "fail", "hear", "claim", "again", "look", "work"]), pick=_picks
)
_released = st.tuples(_push_live, _settled)
_on_its_way = st.tuples(_push_live, _looked, *[_worked, _looked, _befallen] * 3)
_rolled_back = st.tuples(
    _push_live,
    _settled,
    _push_live,
    _settled,
    st.builds(Event, st.just("roll_back"), pick=_picks),
    looks,
    *[_befallen] * 3,
)
_rebuilt = st.tuples(
    _push_live, _settled, st.builds(Event, st.just("again"), pick=_picks), *[_looked, _worked, _befallen] * 2
)
_rolled_out = st.tuples(
    _push_live,
    _settled,
    _push_live,
    *[_looked, _worked] * 6,
    st.builds(Event, st.sampled_from(["fail", "succeed", "hear"]), pick=_picks),
    _looked,
    st.builds(Event, st.sampled_from(["roll_back", "again", "cancel"]), pick=_picks),
    _looked,
    *[_befallen] * 2,
)
_single: SearchStrategy[Event] = st.one_of(outside, looks, looks, runners, runners, people)
_episodes: SearchStrategy[tuple[Event, ...]] = st.one_of(
    st.tuples(_single), st.tuples(_single), _released, _on_its_way, _rolled_back, _rebuilt, _rolled_out
)


@dataclass(frozen=True)
class History:
    """Where a repository begins, before anything of it was looked at, and what happens then."""

    declaration: Declaration
    heads: Mapping[str, str]
    inputs: Mapping[str, str]
    events: Sequence[Event] = ()

    def begin(self) -> World:
        world = World(self.declaration, inputs=dict(self.inputs))
        for name, commit in self.heads.items():
            world.push(name, commit, trusted=REFS[name])
        return world

    def play(self) -> World:
        """The world after it."""
        world = self.begin()
        for event in self.events:
            event.happen(world)
        return world


_heads = st.fixed_dictionaries(
    {name: st.sampled_from(COMMITS) for name in _LIVE},
    optional={name: st.sampled_from(COMMITS) for name in REFS if name not in _LIVE},
)


def histories(episodes: SearchStrategy[tuple[Event, ...]] = _episodes, *, most: int = 12) -> SearchStrategy[History]:
    """Histories of a repository."""
    events = st.lists(episodes, min_size=1, max_size=most).map(lambda made: tuple(chain.from_iterable(made)))
    return st.builds(History, declarations(), _heads, st.dictionaries(st.sampled_from(INPUTS), st.just("1")), events)
